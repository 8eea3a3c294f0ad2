"""Text Embeddings Inference as its documentation calls it, and its pairs against the native tokenizers."""

import json

import numpy as np
import onnxruntime
import pytest
import requests
from conftest import ROOT, TEXTS, as_scores, own_scores
from tokenizers import Tokenizer

LONG = " ".join(["The plot drags, but the acting is superb."] * 60)


def predict(url: str, **body):
    response = requests.post(f"{url}/tei/sentiment/predict", json=body)
    response.raise_for_status()
    return response.json()


def test_single_and_batch(url):
    own = own_scores("sentiment", TEXTS)
    assert as_scores(predict(url, inputs=TEXTS[0])) == own[0]
    assert [as_scores(ranked) for ranked in predict(url, inputs=[[text] for text in TEXTS])] == own


@pytest.fixture(scope="module")
def reference():
    """The graph in onnxruntime behind the native tokenizer: logits of a text or a pair."""
    folder = ROOT / "models/sentiment/2"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    limit = json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"]
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

    def logits(*texts: str, direction: str = "right"):
        tokenizer.enable_truncation(limit, strategy="longest_first", direction=direction)
        encoding = tokenizer.encode(*texts)
        columns = (encoding.ids, encoding.attention_mask, encoding.type_ids)
        names = ("input_ids", "attention_mask", "token_type_ids")
        feeds = {name: np.array([column], dtype=np.int64) for name, column in zip(names, columns, strict=True)}
        return session.run(None, feeds)[0][0]

    return logits


def in_label_order(ranked) -> list[np.float32]:
    scores = as_scores(ranked)
    return [scores[label] for label in ("negative", "neutral", "positive")]


PAIRS = [
    (TEXTS[0], TEXTS[1]),
    ("Is it good?", LONG),
    (LONG, "Is it good?"),
    (LONG, LONG + " " + LONG),
    ("ünïcödé 中文 🙂", "It costs 3.50 € — or not?"),
]


@pytest.mark.parametrize("direction", ["left", "right"])
@pytest.mark.parametrize("pair", PAIRS, ids=range(len(PAIRS)))
def test_pairs_are_those_of_the_native_tokenizers(url, reference, pair, direction):
    ranked = predict(url, inputs=list(pair), raw_scores=True, truncation_direction=direction)
    np.testing.assert_allclose(in_label_order(ranked), reference(*pair, direction=direction), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("direction", ["left", "right"])
def test_truncation_direction(url, reference, direction):
    text = f"Terrible, a waste of money. {LONG} Wonderful, I loved every minute."
    ranked = predict(url, inputs=text, raw_scores=True, truncation_direction=direction)
    np.testing.assert_allclose(in_label_order(ranked), reference(text, direction=direction), rtol=1e-4, atol=1e-4)


def test_info_and_health(url):
    info = requests.get(f"{url}/tei/sentiment/info").json()
    assert info["model_type"]["classifier"]["id2label"] == {"0": "negative", "1": "neutral", "2": "positive"}
    health = requests.get(f"{url}/tei/sentiment/health")
    assert (health.status_code, health.text) == (200, "")


@pytest.mark.parametrize(
    "model, body, status, kind",
    [
        ("sentiment", {"inputs": []}, 422, "Validation"),
        ("sentiment", {"inputs": LONG, "truncate": False}, 422, "Validation"),
        ("sentiment", {"inputs": ""}, 400, "Empty"),
        ("sentiment", {"inputs": [["a"]] * 129}, 413, "Validation"),
        ("mnist", {"inputs": "good"}, 424, "Backend"),
    ],
)
def test_errors(url, model, body, status, kind):
    response = requests.post(f"{url}/tei/{model}/predict", json=body)
    assert response.status_code == status
    assert response.json()["error_type"] == kind and response.json()["error"]
