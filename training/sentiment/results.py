"""Everything a card tells, measured once and kept as JSON beside the training code."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from training.cache import REPOSITORY
from training.sentiment.calibration import Floats, expected_calibration_error, softmax
from training.sentiment.data import Sentence
from training.sentiment.evaluate import evaluate_scores, labels_of

Results = dict[str, Any]


def results_path(version: int) -> Path:
    return REPOSITORY / "training" / "results" / f"sentiment-{version}.json"


def quality(logits: Floats, temperature: float, sentences: Sequence[Sentence]) -> Results:
    labels = labels_of(sentences)
    return asdict(evaluate_scores(logits, sentences)) | {
        "ece_before_temperature": expected_calibration_error(softmax(logits), labels),
        "ece_after_temperature": expected_calibration_error(softmax(logits, temperature), labels),
    }


def moves(served: Floats, reference: Floats) -> Results:
    """How far scores (after temperature) of the served file are from the reference's."""
    return {
        "largest_move": float(abs(served - reference).max()),
        "label_flips": float((served.argmax(axis=1) != reference.argmax(axis=1)).mean()),
    }


def majority_accuracy(sentences: Sequence[Sentence]) -> float:
    return float(np.bincount(labels_of(sentences)).max() / len(sentences))


def write_results(version: int, results: Mapping[str, Any]) -> None:
    path = results_path(version)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def read_results(version: int) -> Results:
    return json.loads(results_path(version).read_text(encoding="utf-8"))


def read_comparison(version: int) -> Results | None:
    """The comparison of ways to compress, where `python -m training quantize --compare` has left one."""
    path = results_path(version).with_name(f"sentiment-{version}-compression.json")
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def rounded(value: Any) -> Any:
    """With every number cut to six digits that count."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: rounded(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return value
