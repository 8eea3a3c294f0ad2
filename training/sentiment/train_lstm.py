"""Trains version 1 as the textbooks do: hard labels, Adam, the epoch with the lowest validation loss."""

import copy
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from training.sentiment.data import Sentence, in_split
from training.sentiment.lstm import PADDING_ID, SentimentLstm, word_tokenizer


@dataclass(frozen=True)
class LstmRecipe:
    optimiser: Literal["Adam"] = "Adam"
    learning_rate: float = 2e-3
    batch_size: int = 32
    epochs: int = 10
    dropout: float = 0.5
    vocabulary_size: int = 10_000
    seed: int = 1


@dataclass(frozen=True)
class TrainedLstm:
    model: SentimentLstm
    tokenizer: Tokenizer
    epochs: list[dict[str, float]]
    """Validation figures after each epoch."""
    seconds: float


def train_lstm(sentences: list[Sentence], recipe: LstmRecipe) -> TrainedLstm:
    started = time.monotonic()
    torch.manual_seed(recipe.seed)
    order = random.Random(recipe.seed)
    train, validation = in_split(sentences, "train"), in_split(sentences, "validation")
    tokenizer = word_tokenizer([sentence.text for sentence in train], recipe.vocabulary_size)
    train_ids, train_labels = tensors(train, tokenizer)
    validation_ids, validation_labels = tensors(validation, tokenizer)
    model = SentimentLstm(tokenizer.get_vocab_size(), recipe.dropout)
    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    best, lowest_loss, history = copy.deepcopy(model), float("inf"), []
    progress = tqdm(total=recipe.epochs * len(train), unit="sentence", desc="LSTM")
    for epoch in range(1, recipe.epochs + 1):
        model.train()
        rows = list(range(len(train)))
        order.shuffle(rows)
        for first in range(0, len(rows), recipe.batch_size):
            chosen = rows[first : first + recipe.batch_size]
            loss = functional.nll_loss(model(trimmed(train_ids[chosen])).log(), train_labels[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            progress.update(len(chosen))
        scores = lstm_scores(model, validation_ids)
        validation_loss = functional.nll_loss(scores.log(), validation_labels).item()
        accuracy = (scores.argmax(dim=1) == validation_labels).float().mean().item()
        history.append({"epoch": epoch, "accuracy": accuracy, "loss": validation_loss})
        progress.set_postfix(validation_accuracy=f"{accuracy:.4f}", validation_loss=f"{validation_loss:.4f}")
        if validation_loss < lowest_loss:
            best, lowest_loss = copy.deepcopy(model), validation_loss
    progress.close()
    return TrainedLstm(best.eval(), tokenizer, history, time.monotonic() - started)


@torch.no_grad()
def lstm_scores(model: SentimentLstm, ids: Tensor) -> Tensor:
    """Probabilities [texts, 3], in the order of the ids."""
    model.eval()
    return torch.cat([model(part) for part in ids.split(256)])


def tensors(sentences: Sequence[Sentence], tokenizer: Tokenizer) -> tuple[Tensor, Tensor]:
    ids = word_ids([sentence.text for sentence in sentences], tokenizer)
    return ids, torch.tensor([sentence.label for sentence in sentences])


def word_ids(texts: Sequence[str], tokenizer: Tokenizer) -> Tensor:
    return torch.tensor([encoding.ids for encoding in tokenizer.encode_batch(list(texts))])


def trimmed(ids: Tensor) -> Tensor:
    """Without the columns that are padding in the whole batch: the network never reads padding, so only time is saved."""
    return ids[:, : int((ids != PADDING_ID).sum(dim=1).max())]
