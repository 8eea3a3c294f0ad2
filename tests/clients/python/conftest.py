"""What all clients' tests ask for: where the server is, and the scores of POST /predict to compare with."""

import base64
import os
from pathlib import Path

import numpy as np
import pytest
import requests

ROOT = Path(__file__).resolve().parents[3]
URL = os.environ["SERVAL_URL"]
GRPC = os.environ["SERVAL_GRPC"]
REFERENCES = Path(os.environ["SERVAL_REFERENCES"])
SEEDS = ["regression-mlp", "sigmoid-classifier", "lstm-classifier", "digits-cnn", "colours-cnn"]
TEXTS = ["A wonderful, moving film.", "It broke after two days.", "The parcel arrived on Tuesday."]
DIGIT = ROOT / "models/mnist/2/golden/7-1.png"
PHOTOGRAPH = ROOT / "models/imagenet/1/golden/coffee.jpg"


@pytest.fixture(scope="session")
def url() -> str:
    return URL


@pytest.fixture(scope="session", params=SEEDS)
def seed(request):
    """(name of the model, name of its input, name of its output, input, what onnxruntime gives)"""
    with np.load(REFERENCES / f"{request.param}.npz") as reference:
        given, result = reference["names"]
        return request.param, str(given), str(result), reference["input"], reference["output"]


def own_scores(model: str, inputs) -> list[dict[str, np.float32]]:
    """Label → score of each input by POST /predict, as float32."""
    parameters = {"top_k": 1000}
    response = requests.post(f"{URL}/models/{model}/predict", json={"inputs": inputs, "parameters": parameters})
    response.raise_for_status()
    return [as_scores(prediction["scores"]) for prediction in response.json()["predictions"]]


def as_scores(ranked) -> dict[str, np.float32]:
    """From dicts or objects with label and score."""
    pairs = [(r["label"], r["score"]) if isinstance(r, dict) else (r.label, r.score) for r in ranked]
    return {label: np.float32(score) for label, score in pairs}


def as_image(file: Path) -> dict[str, str]:
    return {"image": base64.b64encode(file.read_bytes()).decode()}


def assert_close(found, expected) -> None:
    """The same graph on the same runtime, but other kernels for other shapes of the batch."""
    np.testing.assert_allclose(np.asarray(found, dtype=np.float32), expected, rtol=1e-4, atol=1e-5)


def assert_same_in_any_batch(found: list[dict], expected: list[dict]) -> None:
    """Of requests at the same time, which run in any batches: those move a score in its last digit."""
    assert [list(scores) for scores in found] == [list(scores) for scores in expected]
    for scores, own in zip(found, expected, strict=True):
        np.testing.assert_allclose(list(scores.values()), list(own.values()), rtol=1e-6)
