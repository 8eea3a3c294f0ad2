"""Writes the files beside an image model that make its folder complete: what Hugging Face's files say, and serval.json."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.images.inference import Scores

MODEL_FILE = "model.onnx"
SCORE_DECIMALS = 6


@dataclass(frozen=True)
class Provenance:
    description: str
    licence: str
    source: str
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class GoldenSample:
    image: str
    """Path of the file, relative to the version's folder."""
    scores: Scores
    """Of every label, in the order of their ids, after softmax."""


def write_config(folder: Path, labels: Sequence[str], architecture: str, model_type: str) -> None:
    if len(set(labels)) != len(labels):
        raise ValueError("every label must be unique")
    config = {
        "architectures": [architecture],
        "model_type": model_type,
        "problem_type": "single_label_classification",
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }
    _write(folder / "config.json", config)


def write_preprocessor_config(folder: Path, config: Mapping[str, Any]) -> None:
    _write(folder / "preprocessor_config.json", config)


def write_serval_json(folder: Path, provenance: Provenance) -> None:
    """Written after the model file, whose hash it holds."""
    content = {
        "task": "image-classification",
        "description": provenance.description,
        "licence": provenance.licence,
        "source": provenance.source,
        "metrics": {name: round(value, 4) for name, value in provenance.metrics.items()},
        "model_file": MODEL_FILE,
        "sha256": {MODEL_FILE: hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest()},
    }
    _write(folder / "serval.json", content)


def write_golden(folder: Path, reference: str, tolerance: float, samples: Sequence[GoldenSample]) -> None:
    """One sample a line, so that a change of one is a change of one line."""
    lines = [
        json.dumps({"input": {"image": sample.image}, "scores": [round(float(score), SCORE_DECIMALS) for score in sample.scores]})
        for sample in samples
    ]
    head = f'{{\n  "reference": {json.dumps(reference)},\n  "tolerance": {json.dumps(tolerance)},\n  "samples": [\n    '
    (folder / "golden.json").write_text(head + ",\n    ".join(lines) + "\n  ]\n}\n", "utf-8")


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
