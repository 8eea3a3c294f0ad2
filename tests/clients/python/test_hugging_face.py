"""huggingface_hub's InferenceClient, with the server's address as the model."""

import asyncio
import io

import pytest
from conftest import DIGIT, PHOTOGRAPH, TEXTS, as_image, as_scores, assert_same_in_any_batch, own_scores
from huggingface_hub import AsyncInferenceClient, InferenceClient
from huggingface_hub.errors import HfHubHTTPError


def client(url: str, model: str) -> InferenceClient:
    return InferenceClient(model=f"{url}/hf/models/{model}")


@pytest.mark.parametrize("text", TEXTS)
def test_text(url, text):
    ranked = client(url, "sentiment").text_classification(text)
    assert [as_scores(ranked)] == own_scores("sentiment", text)
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)


def test_text_with_parameters(url):
    (best,) = client(url, "sentiment").text_classification(TEXTS[0], top_k=1, function_to_apply="softmax")
    assert best.label == "positive"
    independent = client(url, "sentiment").text_classification(TEXTS[0], function_to_apply="sigmoid")
    assert sum(r.score for r in independent) > 1.01


@pytest.mark.parametrize("form", ["path", "name", "bytes", "file", "memory"])
def test_image(url, form):
    forms = {
        "path": lambda: PHOTOGRAPH,
        "name": lambda: str(PHOTOGRAPH),
        "bytes": PHOTOGRAPH.read_bytes,
        "file": lambda: open(PHOTOGRAPH, "rb"),
        "memory": lambda: io.BytesIO(PHOTOGRAPH.read_bytes()),
    }
    image = forms[form]()
    ranked = client(url, "imagenet").image_classification(image.read() if form in ("file", "memory") else image)
    (own,) = own_scores("imagenet", as_image(PHOTOGRAPH))
    assert len(ranked) == 5
    assert all(score == own[label] for label, score in as_scores(ranked).items())


def test_image_with_parameters(url):
    """The client then sends base64 in JSON."""
    ranked = client(url, "mnist").image_classification(DIGIT, top_k=10)
    assert [as_scores(ranked)] == own_scores("mnist", as_image(DIGIT))


def test_asyncio(url):
    async def ask():
        async with AsyncInferenceClient(model=f"{url}/hf/models/sentiment") as sentiment:
            return await asyncio.gather(*(sentiment.text_classification(text) for text in TEXTS))

    assert_same_in_any_batch([as_scores(ranked) for ranked in asyncio.run(ask())], own_scores("sentiment", TEXTS))


def test_an_error_has_the_server_s_message(url):
    with pytest.raises(HfHubHTTPError) as error:
        client(url, "nobody").text_classification("good")
    assert error.value.response.status_code == 404
    assert 'No model is called "nobody"' in error.value.response.json()["error"]
    with pytest.raises(HfHubHTTPError, match="(?s)422.*empty"):
        client(url, "sentiment").text_classification(" ")
