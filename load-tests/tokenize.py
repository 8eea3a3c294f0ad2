"""The native tokenizers library as the oracle: texts as JSON lines in, their token ids as JSON lines out.

usage: python load-tests/tokenize.py <folder of a version> < texts
"""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer


def main(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(settings["model_max_length"])
    for line in sys.stdin:
        print(json.dumps(tokenizer.encode(json.loads(line)).ids))


main(Path(sys.argv[1]))
