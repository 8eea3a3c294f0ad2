"""KServe's own Python client, version 1 of its protocol."""

import asyncio
import base64

import httpx
import numpy as np
import pytest
from conftest import DIGIT, TEXTS, as_image, assert_close, own_scores
from kserve import InferenceRESTClient, RESTConfig


def ask(question):
    async def with_client():
        async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:
            return await question(client)

    return asyncio.run(with_client())


def test_texts(url):
    answer = ask(lambda client: client.infer(url, {"instances": TEXTS}, model_name="sentiment"))
    own = own_scores("sentiment", TEXTS)
    for prediction, scores in zip(answer["predictions"], own, strict=True):
        assert np.float32(prediction["score"]) == scores[prediction["label"]] == max(scores.values())


def test_images(url):
    instances = [{"image": {"b64": base64.b64encode(DIGIT.read_bytes()).decode()}}]
    answer = ask(lambda client: client.infer(url, {"instances": instances}, model_name="mnist"))
    (scores,) = own_scores("mnist", as_image(DIGIT))
    assert answer["predictions"][0]["label"] == "7"
    assert np.float32(answer["predictions"][0]["score"]) == scores["7"]


def test_seeds(url, seed):
    model, _, _, values, expected = seed
    answer = ask(lambda client: client.infer(url, {"instances": values.tolist()}, model_name=model))
    assert_close(answer["predictions"], expected)


def test_liveness_and_readiness(url):
    assert ask(lambda client: client.is_server_live(url)) is True
    assert ask(lambda client: client.is_model_ready(url, "sentiment")) is True
    with pytest.raises(httpx.HTTPStatusError, match='No model is called "nobody".*404'):
        ask(lambda client: client.is_model_ready(url, "nobody"))


def test_an_error_has_the_server_s_message(url):
    with pytest.raises(httpx.HTTPStatusError, match="Input 0: a text is a string.*400"):
        ask(lambda client: client.infer(url, {"instances": [7]}, model_name="sentiment"))
