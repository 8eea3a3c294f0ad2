"""The examples of docs/protocols.md, as they stand, print what stands below them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GRPC, ROOT, URL

PAGE = (ROOT / "docs/protocols.md").read_text()
BLOCKS = re.findall(r"```(python|js|bash)\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
NPM = Path(os.environ["SERVAL_NPM"])


def rounded(text: str) -> str:
    """Scores to two digits, blanks as one."""
    return re.sub(r"\d+\.\d+", lambda number: f"{float(number[0]):.2f}", " ".join(text.split()))


@pytest.mark.parametrize("language, code, expected", BLOCKS, ids=range(len(BLOCKS)))
def test_example(language, code, expected):
    code = code.replace("localhost:8080", URL.removeprefix("http://")).replace("localhost:8081", GRPC)
    if language == "js":
        script = NPM / "example.mjs"
        script.write_text(code)
        command = [os.environ["NODE"], str(script)]
    else:
        command = {"python": [sys.executable, "-c"], "bash": ["bash", "-euo", "pipefail", "-c"]}[language] + [code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert rounded(done.stdout) == rounded(expected)


def test_every_family_has_one():
    assert len(BLOCKS) >= 6 and len(re.findall(r"```(python|js|bash)", PAGE)) == len(BLOCKS)
    assert all(len(code.strip().splitlines()) <= 12 for _, code, _ in BLOCKS)
