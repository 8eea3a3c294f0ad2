"""tritonclient over HTTP: its own defaults are binary tensors."""

import asyncio

import numpy as np
import pytest
import tritonclient.http as http
import tritonclient.http.aio as http_aio
from conftest import DIGIT, TEXTS, as_image, assert_close, assert_same_in_any_batch, own_scores
from tritonclient.utils import InferenceServerException

TYPES = {"float32": "FP32", "int64": "INT64", "object": "BYTES"}


@pytest.fixture
def client(url):
    with http.InferenceServerClient(url.removeprefix("http://")) as connection:
        yield connection


def tensor(module, name: str, values: np.ndarray, **options):
    given = module.InferInput(name, list(values.shape), TYPES[values.dtype.name])
    given.set_data_from_numpy(values, **options)
    return given


def texts() -> np.ndarray:
    return np.array([text.encode() for text in TEXTS], dtype=np.object_)


def scores(result, labels) -> list[dict[str, np.float32]]:
    return [dict(zip(labels, row, strict=True)) for row in result.as_numpy("scores")]


LABELS = ["negative", "neutral", "positive"]


@pytest.mark.parametrize("binary_out", [True, False])
@pytest.mark.parametrize("binary_in", [True, False])
def test_texts_binary_and_json(client, binary_in, binary_out):
    given = http.InferInput("text", [len(TEXTS)], "BYTES")
    given.set_data_from_numpy(texts(), binary_data=binary_in)
    wanted = [http.InferRequestedOutput(name, binary_data=binary_out) for name in ("label", "score", "scores")]
    result = client.infer("sentiment", [given], outputs=wanted, request_id="r-7")
    assert result.get_response()["id"] == "r-7"
    assert scores(result, LABELS) == own_scores("sentiment", TEXTS)
    names = [label.decode() if isinstance(label, bytes) else label for label in result.as_numpy("label")]
    assert names == ["positive", "negative", "neutral"]
    assert list(result.as_numpy("score")) == [max(row) for row in result.as_numpy("scores")]


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed(client, algorithm):
    result = client.infer(
        "sentiment",
        [tensor(http, "text", texts())],
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    assert scores(result, LABELS) == own_scores("sentiment", TEXTS)


def test_image(client):
    file = np.array([DIGIT.read_bytes()], dtype=np.object_)
    result = client.infer("mnist", [tensor(http, "image", file)])
    assert scores(result, [str(digit) for digit in range(10)]) == own_scores("mnist", as_image(DIGIT))


def test_classification_extension(client):
    wanted = http.InferRequestedOutput("scores", binary_data=False, class_count=2)
    result = client.infer("sentiment", [tensor(http, "text", texts()[:1])], outputs=[wanted])
    best = np.ravel(result.as_numpy("scores"))[0]
    score, index, label = (best.decode() if isinstance(best, bytes) else best).split(":")
    (own,) = own_scores("sentiment", TEXTS[0])
    assert (index, label) == ("2", "positive")
    assert float(score) == pytest.approx(own["positive"], abs=1e-5)


@pytest.mark.parametrize("binary", [True, False])
def test_seeds(client, seed, binary):
    model, given, result, values, expected = seed
    wanted = [http.InferRequestedOutput(result, binary_data=binary)]
    answer = client.infer(model, [tensor(http, given, values, binary_data=binary)], outputs=wanted)
    assert_close(answer.as_numpy(result), expected)


def test_graph_of_a_model_with_a_pipeline(client):
    ids = np.array([[101, 2307, 102]], dtype=np.int64)
    names = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    answer = client.infer("sentiment.graph", [tensor(http, name, values) for name, values in names.items()])
    assert answer.as_numpy("logits").shape == (1, 3)


def test_asyncio(url):
    async def ask():
        async with http_aio.InferenceServerClient(url.removeprefix("http://")) as client:
            assert await client.is_server_live() and await client.is_model_ready("sentiment")
            given = [tensor(http_aio, "text", texts())]
            return await asyncio.gather(*(client.infer("sentiment", given) for _ in range(8)))

    own = [{label: row[label] for label in LABELS} for row in own_scores("sentiment", TEXTS)]
    for result in asyncio.run(ask()):
        assert_same_in_any_batch(scores(result, LABELS), own)


def test_metadata(client, seed):
    model, given, result, values, _ = seed
    metadata = client.get_model_metadata(model)
    (described,) = metadata["inputs"]
    assert (described["name"], described["datatype"]) == (given, TYPES[values.dtype.name])
    assert [output["name"] for output in metadata["outputs"]] == [result]


def test_health_and_server_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("sentiment") and client.is_model_ready("sentiment", "1")
    assert not client.is_model_ready("nobody")
    assert client.get_server_metadata()["name"] == "serval"


def test_statistics(client):
    def counts():
        (stats,) = client.get_inference_statistics("sentiment", "2")["model_stats"]
        return stats["inference_stats"]

    before = counts()
    client.infer("sentiment", [tensor(http, "text", np.array([b"How many?"], dtype=np.object_))])
    after = counts()
    assert int(after["success"]["count"]) == int(before["success"]["count"]) + 1
    assert int(after["success"]["ns"]) > int(before["success"]["ns"])


def test_repository(client):
    index = client.get_model_repository_index()
    ready = {(model["name"], model["version"]) for model in index if model["state"] == "READY"}
    assert {("sentiment", "1"), ("sentiment", "2"), ("mnist", "2")} <= ready


@pytest.mark.parametrize(
    "model, name, values, message",
    [
        ("nobody", "text", texts(), "nobody"),
        ("sentiment", "words", texts(), "words"),
        ("regression-mlp", "features", np.ones((1, 9), np.float32), "features"),
        ("regression-mlp", "features", np.ones((1, 10), np.int64), "features"),
    ],
)
def test_errors_name_what_is_wrong(client, model, name, values, message):
    with pytest.raises(InferenceServerException, match=message):
        client.infer(model, [tensor(http, name, values)])
