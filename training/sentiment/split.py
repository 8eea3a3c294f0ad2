"""Train, validation and test, by document: sentences of one document never part."""

from hashlib import sha256
from typing import Literal, get_args

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

TEST_PERCENT = 15
VALIDATION_PERCENT = 7


def group_of(source: str, sentence_id: str) -> str:
    """Ids such as `12_3` are sentence 3 of document 12."""
    return f"{source}:{sentence_id.split('_', 1)[0]}"


def split_of(group: str) -> Split:
    """The hash decides, so the split is the same on every machine and for every order of the data."""
    percent = int(sha256(group.encode()).hexdigest(), 16) % 100
    if percent < TEST_PERCENT:
        return "test"
    return "validation" if percent < TEST_PERCENT + VALIDATION_PERCENT else "train"
