"""KServe's own Python client, version 2: the Open Inference Protocol over REST."""

import asyncio

import httpx
import numpy as np
import pytest
from conftest import TEXTS, assert_close, own_scores
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

TYPES = {"float32": "FP32", "int64": "INT64"}


def ask(question):
    async def with_client():
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await question(client)

    return asyncio.run(with_client())


def test_texts(url):
    given = InferInput("text", [len(TEXTS)], "BYTES", data=TEXTS)
    request = InferRequest(model_name="sentiment", infer_inputs=[given])
    answer = ask(lambda client: client.infer(url, request, model_name="sentiment"))
    outputs = {output.name: output.as_numpy() for output in answer.outputs}
    own = own_scores("sentiment", TEXTS)
    assert list(outputs["scores"].reshape(-1).astype(np.float32)) == [score for row in own for score in in_order(row)]


def in_order(row):
    return [row[label] for label in ("negative", "neutral", "positive")]


@pytest.mark.parametrize("binary", [True, False])
def test_seeds(url, seed, binary):
    model, given, _, values, expected = seed
    tensor = InferInput(given, list(values.shape), TYPES[values.dtype.name])
    tensor.set_data_from_numpy(values, binary_data=binary)
    request = InferRequest(model_name=model, infer_inputs=[tensor])
    answer = ask(lambda client: client.infer(url, request, model_name=model))
    assert_close(answer.outputs[0].as_numpy(), expected)


def test_liveness_and_readiness(url):
    assert ask(lambda client: client.is_server_live(url)) is True
    assert ask(lambda client: client.is_server_ready(url)) is True
    assert ask(lambda client: client.is_model_ready(url, "sentiment")) is True
    assert ask(lambda client: client.is_model_ready(url, "nobody")) is False


def test_an_error_has_the_server_s_message(url):
    given = InferInput("words", [1], "BYTES", data=["good"])
    request = InferRequest(model_name="sentiment", infer_inputs=[given])
    with pytest.raises(httpx.HTTPStatusError, match="words"):
        ask(lambda client: client.infer(url, request, model_name="sentiment"))
