"""Sentences as padded token batches of like length: a batch costs its longest text times its size."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.sentiment.data import Sentence
from training.sentiment.encoder import MAX_TOKENS, base_tokenizer
from training.sentiment.labels import RATING_VALUES, panel_target, rating_distribution

BUCKET_BATCHES = 50


@dataclass(frozen=True)
class Batch:
    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    targets: Tensor
    """[batch, 3]: the chance of each label for a fresh panel of raters."""
    distribution: Tensor
    """[batch, 9]: share of the raters who gave each value; zeros where it is not known."""

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.input_ids, self.attention_mask, self.token_type_ids


class TokenisedSentences:
    def __init__(self, sentences: Sequence[Sentence], max_tokens: int = MAX_TOKENS) -> None:
        tokenizer: Tokenizer = base_tokenizer()
        tokenizer.enable_truncation(max_tokens)
        self.sentences = sentences
        self.ids: list[list[int]] = [encoding.ids for encoding in tokenizer.encode_batch([s.text for s in sentences])]
        unknown = [0.0] * len(RATING_VALUES)
        self._targets = torch.tensor([panel_target(s.rating, s.ratings) for s in sentences])
        self._distributions = torch.tensor([rating_distribution(s.ratings) if s.ratings else unknown for s in sentences])

    def batch(self, rows: list[int]) -> Batch:
        longest = max(len(self.ids[row]) for row in rows)
        missing = [longest - len(self.ids[row]) for row in rows]
        input_ids = torch.tensor([self.ids[row] + [0] * gap for row, gap in zip(rows, missing, strict=True)])
        mask = torch.tensor([[1] * (longest - gap) + [0] * gap for gap in missing])
        return Batch(input_ids, mask, torch.zeros_like(input_ids), self._targets[rows], self._distributions[rows])

    def shuffled(self, size: int, order: random.Random) -> list[Batch]:
        """One epoch: lengths are alike inside a batch, and the batches come in random order."""
        rows = list(range(len(self.ids)))
        order.shuffle(rows)
        batches: list[list[int]] = []
        for start in range(0, len(rows), size * BUCKET_BATCHES):
            bucket = sorted(rows[start : start + size * BUCKET_BATCHES], key=lambda row: len(self.ids[row]))
            batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
        order.shuffle(batches)
        return [self.batch(rows) for rows in batches]

    def in_order_of_length(self, size: int) -> Iterator[tuple[list[int], Batch]]:
        """Every row once, with the rows' places in the list of sentences."""
        rows = sorted(range(len(self.ids)), key=lambda row: len(self.ids[row]))
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            yield chosen, self.batch(chosen)
