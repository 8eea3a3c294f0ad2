"""TensorFlow Serving's REST API as its tutorials call it: requests, with the body as a string and no content type."""

import base64
import json

import numpy as np
import pytest
import requests
from conftest import DIGIT, PHOTOGRAPH, TEXTS, as_image, assert_close, own_scores


def predict(url: str, model: str, **body):
    response = requests.post(f"{url}/v1/models/{model}:predict", data=json.dumps(body))
    response.raise_for_status()
    return response.json()


def in_label_order(url: str, model: str, own) -> list[list[np.float32]]:
    labels = requests.get(f"{url}/models/{model}").json()["versions"][-1]["labels"]
    return [[scores[label] for label in labels] for scores in own]


def as_float32(rows) -> list[list[np.float32]]:
    return [[np.float32(value) for value in row] for row in rows]


def test_texts_in_rows_and_columns(url):
    expected = in_label_order(url, "sentiment", own_scores("sentiment", TEXTS))
    rows = predict(url, "sentiment", instances=TEXTS)["predictions"]
    assert as_float32(row["scores"] for row in rows) == expected
    columns = predict(url, "sentiment", inputs={"text": TEXTS})["outputs"]
    assert as_float32(columns["scores"]) == expected
    assert columns["label"] == [row["label"] for row in rows] == ["positive", "negative", "neutral"]


@pytest.mark.parametrize("model, file", [("imagenet", PHOTOGRAPH), ("mnist", DIGIT)])
def test_images_as_base64(url, model, file):
    instance = {"b64": base64.b64encode(file.read_bytes()).decode()}
    rows = predict(url, model, signature_name="serving_default", instances=[instance, {"image_bytes": instance}])
    expected = in_label_order(url, model, own_scores(model, as_image(file)))
    assert as_float32(row["scores"] for row in rows["predictions"]) == expected * 2


def test_classify(url):
    body = {"signature_name": "serving_default", "examples": [{"text": text} for text in TEXTS]}
    response = requests.post(f"{url}/v1/models/sentiment:classify", json=body)
    found = [{label: np.float32(score) for label, score in pairs} for pairs in response.json()["results"]]
    assert found == own_scores("sentiment", TEXTS)


def test_seeds_in_rows(url, seed):
    model, given, _, values, expected = seed
    assert_close(predict(url, model, instances=values.tolist())["predictions"], expected)
    named = [{given: row} for row in values.tolist()]
    assert_close(predict(url, model, instances=named)["predictions"], expected)


def test_seeds_in_columns(url, seed):
    model, given, _, values, expected = seed
    assert_close(predict(url, model, inputs={given: values.tolist()})["outputs"], expected)
    assert_close(predict(url, model, inputs=values[:1].tolist())["outputs"], expected[:1])


def test_metadata_gives_what_a_client_needs_to_ask(url, seed):
    model, given, result, values, _ = seed
    metadata = requests.get(f"{url}/v1/models/{model}/metadata").json()
    signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert list(signature["inputs"]) == [given] and list(signature["outputs"]) == [result]
    tensor = signature["inputs"][given]
    assert tensor["dtype"] == {"float32": "DT_FLOAT", "int64": "DT_INT64"}[values.dtype.name]
    assert len(tensor["tensor_shape"]["dim"]) == values.ndim


def test_versions_and_labels(url):
    status = requests.get(f"{url}/v1/models/sentiment").json()["model_version_status"]
    assert [(v["version"], v["state"]) for v in status] == [("1", "AVAILABLE"), ("2", "AVAILABLE")]
    first = predict(url, "sentiment/versions/1", instances=TEXTS[:1])
    assert first != predict(url, "sentiment/labels/stable", instances=TEXTS[:1])
    assert predict(url, "sentiment/labels/latest", instances=TEXTS) == predict(url, "sentiment", instances=TEXTS)


@pytest.mark.parametrize(
    "model, body, status, message",
    [
        ("nobody", {"instances": ["a"]}, 404, 'No model is called "nobody"'),
        ("sentiment", {"instances": [1.0]}, 400, "Input 0"),
        ("regression-mlp", {"instances": [[1.0, 2.0]]}, 400, '"features" has shape'),
        ("regression-mlp", {"inputs": {"x": [[1.0]]}}, 400, 'no input "x"'),
        ("lstm-classifier", {"instances": [["word"]]}, 400, '"word_ids"'),
    ],
)
def test_errors(url, model, body, status, message):
    response = requests.post(f"{url}/v1/models/{model}:predict", json=body)
    assert response.status_code == status
    assert message in response.json()["error"]
