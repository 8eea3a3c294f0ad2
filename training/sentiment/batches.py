"""Texts as padded token batches of like length: a batch costs its longest text times its size."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from training.sentiment.data import Sentence
from training.sentiment.encoder import MAX_TOKENS, base_tokenizer
from training.sentiment.labels import RATING_VALUES, panel_target, rating_distribution

BUCKET_BATCHES = 50

Inputs = tuple[Tensor, Tensor, Tensor]
"""input_ids, attention_mask, token_type_ids: [batch, tokens]."""


class TokenisedTexts:
    def __init__(self, texts: Sequence[str]) -> None:
        tokenizer = base_tokenizer()
        tokenizer.enable_truncation(MAX_TOKENS)
        self._ids: list[list[int]] = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]

    def __len__(self) -> int:
        return len(self._ids)

    def inputs(self, rows: Sequence[int]) -> Inputs:
        longest = max(self.length(row) for row in rows)
        missing = [longest - self.length(row) for row in rows]
        input_ids = torch.tensor([self._ids[row] + [0] * gap for row, gap in zip(rows, missing, strict=True)])
        mask = torch.tensor([[1] * (longest - gap) + [0] * gap for gap in missing])
        return input_ids, mask, torch.zeros_like(input_ids)

    def in_order_of_length(self, size: int) -> Iterator[list[int]]:
        """Every row once, in groups of `size`."""
        rows = sorted(range(len(self)), key=self.length)
        yield from (rows[first : first + size] for first in range(0, len(rows), size))

    def length(self, row: int) -> int:
        return len(self._ids[row])


@dataclass(frozen=True)
class Batch:
    inputs: Inputs
    targets: Tensor
    """[batch, 3]: the chance of each label for a fresh panel of raters."""
    distribution: Tensor
    """[batch, 9]: share of the raters who gave each value; zeros where it is not known."""


class TrainingSentences:
    def __init__(self, sentences: Sequence[Sentence]) -> None:
        self._texts = TokenisedTexts([sentence.text for sentence in sentences])
        unknown = [0.0] * len(RATING_VALUES)
        self._targets = torch.tensor([panel_target(s.rating, s.ratings) for s in sentences])
        self._distributions = torch.tensor([rating_distribution(s.ratings) if s.ratings else unknown for s in sentences])

    def epoch(self, size: int, order: random.Random) -> list[Batch]:
        """Every sentence once: lengths are alike inside a batch, and the batches come in random order."""
        rows = list(range(len(self._texts)))
        order.shuffle(rows)
        batches: list[list[int]] = []
        for start in range(0, len(rows), size * BUCKET_BATCHES):
            bucket = sorted(rows[start : start + size * BUCKET_BATCHES], key=self._texts.length)
            batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
        order.shuffle(batches)
        return [self._batch(rows) for rows in batches]

    def _batch(self, rows: list[int]) -> Batch:
        return Batch(self._texts.inputs(rows), self._targets[rows], self._distributions[rows])
