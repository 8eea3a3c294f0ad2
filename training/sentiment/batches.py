"""Sentences as padded token batches of like length: a batch costs its longest text times its size."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from training.sentiment.data import Sentence
from training.sentiment.labels import panel_target, rating_distribution

BUCKET_BATCHES = 50


@dataclass(frozen=True)
class Batch:
    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    targets: Tensor
    """[batch, 3]: the chance of each label for a fresh panel of raters."""
    distribution: Tensor
    """[batch, 9]: share of raters per rating; zeros where it is not known."""

    @property
    def inputs(self) -> tuple[Tensor, Tensor, Tensor]:
        return self.input_ids, self.attention_mask, self.token_type_ids


class TokenisedSentences:
    def __init__(self, sentences: Sequence[Sentence], tokenizer: Tokenizer, max_tokens: int) -> None:
        self.sentences = sentences
        self.ids = [encoding.ids[: max_tokens - 1] + encoding.ids[-1:] if len(encoding.ids) > max_tokens else encoding.ids
                    for encoding in tokenizer.encode_batch([s.text for s in sentences])]
        self.targets = torch.tensor([panel_target(s.rating, s.ratings) for s in sentences])
        self.distributions = torch.tensor([rating_distribution(s.ratings) if s.ratings else [0.0] * 9 for s in sentences])
        self.labels = torch.tensor([s.label for s in sentences])

    def batch(self, rows: Sequence[int]) -> Batch:
        longest = max(len(self.ids[row]) for row in rows)
        input_ids = torch.tensor([self.ids[row] + [0] * (longest - len(self.ids[row])) for row in rows])
        mask = torch.tensor([[1] * len(self.ids[row]) + [0] * (longest - len(self.ids[row])) for row in rows])
        return Batch(input_ids, mask, torch.zeros_like(input_ids), self.targets[list(rows)], self.distributions[list(rows)])

    def shuffled(self, size: int, order: random.Random) -> list[Batch]:
        """One epoch: lengths are alike inside a batch, batches come in random order."""
        rows = list(range(len(self.ids)))
        order.shuffle(rows)
        batches: list[list[int]] = []
        for start in range(0, len(rows), size * BUCKET_BATCHES):
            bucket = sorted(rows[start : start + size * BUCKET_BATCHES], key=lambda row: len(self.ids[row]))
            batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
        order.shuffle(batches)
        return [self.batch(rows) for rows in batches]

    def in_order_of_length(self, size: int) -> Iterator[tuple[list[int], Batch]]:
        rows = sorted(range(len(self.ids)), key=lambda row: len(self.ids[row]))
        for first in range(0, len(rows), size):
            chosen = rows[first : first + size]
            yield chosen, self.batch(chosen)
