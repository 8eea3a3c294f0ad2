"""tritonclient over gRPC."""

import asyncio
import queue

import numpy as np
import pytest
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as grpc_aio
from conftest import DIGIT, GRPC, TEXTS, as_image, assert_close, assert_same_in_any_batch, own_scores
from tritonclient.utils import InferenceServerException

TYPES = {"float32": "FP32", "int64": "INT64", "object": "BYTES"}
LABELS = ["negative", "neutral", "positive"]


@pytest.fixture
def client():
    with grpc.InferenceServerClient(GRPC) as connection:
        yield connection


def tensor(name: str, values: np.ndarray):
    given = grpc.InferInput(name, list(values.shape), TYPES[values.dtype.name])
    given.set_data_from_numpy(values)
    return given


def texts() -> np.ndarray:
    return np.array([text.encode() for text in TEXTS], dtype=np.object_)


def scores(result, labels) -> list[dict[str, np.float32]]:
    return [dict(zip(labels, row, strict=True)) for row in result.as_numpy("scores")]


@pytest.mark.parametrize("compression", [None, "gzip", "deflate"])
def test_texts(client, compression):
    result = client.infer("sentiment", [tensor("text", texts())], request_id="r-7", compression_algorithm=compression)
    assert result.get_response().id == "r-7"
    assert scores(result, LABELS) == own_scores("sentiment", TEXTS)
    assert list(result.as_numpy("label")) == [b"positive", b"negative", b"neutral"]


def test_image(client):
    file = np.array([DIGIT.read_bytes()], dtype=np.object_)
    result = client.infer("mnist", [tensor("image", file)])
    assert scores(result, [str(digit) for digit in range(10)]) == own_scores("mnist", as_image(DIGIT))


def test_seeds(client, seed):
    model, given, result, values, expected = seed
    answer = client.infer(model, [tensor(given, values)], outputs=[grpc.InferRequestedOutput(result)])
    assert_close(answer.as_numpy(result), expected)


def test_classification_extension(client):
    wanted = grpc.InferRequestedOutput("scores", class_count=1)
    result = client.infer("sentiment", [tensor("text", texts()[:1])], outputs=[wanted])
    _, index, label = np.ravel(result.as_numpy("scores"))[0].decode().split(":")
    assert (index, label) == ("2", "positive")


def test_asyncio():
    async def ask():
        async with grpc_aio.InferenceServerClient(GRPC) as client:
            assert await client.is_server_live() and await client.is_model_ready("sentiment")
            given = [tensor("text", texts())]
            return await asyncio.gather(*(client.infer("sentiment", given) for _ in range(8)))

    own = [{label: row[label] for label in LABELS} for row in own_scores("sentiment", TEXTS)]
    for result in asyncio.run(ask()):
        assert_same_in_any_batch(scores(result, LABELS), own)


def test_stream(client):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for at, text in enumerate(TEXTS):
        one = np.array([text.encode()], dtype=np.object_)
        client.async_stream_infer("sentiment", [tensor("text", one)], request_id=str(at))
    found = {}
    for _ in TEXTS:
        result, error = answers.get(timeout=20)
        assert error is None
        found[result.get_response().id] = result.as_numpy("label")[0]
    client.stop_stream()
    assert found == {"0": b"positive", "1": b"negative", "2": b"neutral"}


def test_health_and_metadata(client, seed):
    model, given, result, _, _ = seed
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)
    assert client.get_server_metadata().name == "serval"
    metadata = client.get_model_metadata(model)
    assert [tensor.name for tensor in metadata.inputs] == [given]
    assert [tensor.name for tensor in metadata.outputs] == [result]


def test_statistics_and_repository(client):
    def count():
        (stats,) = client.get_inference_statistics("sentiment", "2").model_stats
        return stats.inference_stats.success.count

    before = count()
    client.infer("sentiment", [tensor("text", np.array([b"How many by gRPC?"], dtype=np.object_))])
    assert count() == before + 1
    index = client.get_model_repository_index().models
    assert ("sentiment", "2", "READY") in {(model.name, model.version, model.state) for model in index}


@pytest.mark.parametrize(
    "model, name, values, status",
    [
        ("nobody", "text", texts(), "NOT_FOUND"),
        ("sentiment", "words", texts(), "INVALID_ARGUMENT"),
        ("regression-mlp", "features", np.ones((1, 9), np.float32), "INVALID_ARGUMENT"),
    ],
)
def test_errors(client, model, name, values, status):
    with pytest.raises(InferenceServerException) as error:
        client.infer(model, [tensor(name, values)])
    assert status in error.value.status()
    assert (name if status == "INVALID_ARGUMENT" else model) in error.value.message()


def test_a_deadline(client):
    # A server that hears of the deadline before it is over refuses at once what it cannot do by then.
    with pytest.raises(InferenceServerException, match="(?i)deadline|the answer would take"):
        client.infer("imagenet", [tensor("image", np.array([DIGIT.read_bytes()], dtype=np.object_))], client_timeout=1e-4)
