"""What a model's scores are worth against the human ratings: the same definitions for every model and for VADER."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.sentiment.calibration import Floats, Integers
from training.sentiment.data import SOURCES, Sentence
from training.sentiment.labels import LABELS, NEGATIVE, NEUTRAL, POSITIVE


@dataclass(frozen=True)
class LabelQuality:
    precision: float
    recall: float
    f1: float
    items: int


@dataclass(frozen=True)
class Evaluation:
    items: int
    accuracy: float
    macro_f1: float
    labels: dict[str, LabelQuality]
    sources: dict[str, float]
    clear_items: int
    polarity_accuracy: float
    """On clear items, |mean rating| >= 0.5: the side, positive or negative, with the higher score is the human side."""
    confusion: list[list[int]]
    """Rows are true labels, columns predicted ones, in the order of LABELS."""


def evaluate(predicted: Integers, leans_positive: NDArray[np.bool_], sentences: Sequence[Sentence]) -> Evaluation:
    labels = labels_of(sentences)
    sources = np.array([sentence.source for sentence in sentences])
    if len(predicted) != len(labels):
        raise ValueError(f"{len(predicted)} predictions for {len(labels)} sentences")
    confusion = np.zeros((len(LABELS), len(LABELS)), dtype=int)
    np.add.at(confusion, (labels, predicted), 1)
    qualities = {name: label_quality(confusion, index) for index, name in enumerate(LABELS)}
    clear = labels != NEUTRAL
    return Evaluation(
        items=len(labels),
        accuracy=float((predicted == labels).mean()),
        macro_f1=sum(quality.f1 for quality in qualities.values()) / len(qualities),
        labels=qualities,
        sources={name: float((predicted == labels)[sources == name].mean()) for name in SOURCES if (sources == name).any()},
        clear_items=int(clear.sum()),
        polarity_accuracy=float((leans_positive == (labels == POSITIVE))[clear].mean()),
        confusion=confusion.tolist(),
    )


def evaluate_scores(scores: Floats, sentences: Sequence[Sentence]) -> Evaluation:
    """scores [items, 3], logits or probabilities."""
    return evaluate(scores.argmax(axis=1), scores[:, POSITIVE] > scores[:, NEGATIVE], sentences)


def labels_of(sentences: Sequence[Sentence]) -> Integers:
    return np.array([sentence.label for sentence in sentences])


def label_quality(confusion: Integers, index: int) -> LabelQuality:
    hits = float(confusion[index, index])
    precision = hits / max(confusion[:, index].sum(), 1)
    recall = hits / max(confusion[index].sum(), 1)
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    return LabelQuality(float(precision), float(recall), float(f1), int(confusion[index].sum()))
