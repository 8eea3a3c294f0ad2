"""Writes the test split as JSON lines, so that a running server is evaluated on it without Python."""

import json
from collections.abc import Sequence
from pathlib import Path

from training.cache import REPOSITORY
from training.sentiment.data import Sentence, in_split
from training.sentiment.labels import LABELS

TEST_SPLIT = REPOSITORY / "datasets" / "sentiment" / "test.jsonl"


def write_test_split(sentences: Sequence[Sentence], path: Path = TEST_SPLIT) -> None:
    """One object a line, in the order of the source files: id, source, text, rating, label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row_of(sentence), ensure_ascii=False) + "\n" for sentence in in_split(sentences, "test")]
    path.write_text("".join(lines), encoding="utf-8")


def row_of(sentence: Sentence) -> dict[str, object]:
    return {
        "id": sentence.id,
        "source": sentence.source,
        "text": sentence.text,
        "rating": sentence.rating,
        "label": LABELS[sentence.label],
    }
