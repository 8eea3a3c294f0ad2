"""MLServer's own types and codecs, as its documentation sends them with requests."""

import importlib.util
import sys
from types import ModuleType

import numpy as np
import requests
from conftest import TEXTS, assert_close, own_scores

# The package's own __init__ is its server; its types and codecs stand without it.
package = ModuleType("mlserver")
package.__path__ = list(importlib.util.find_spec("mlserver").submodule_search_locations)
sys.modules["mlserver"] = package

from mlserver.codecs import NumpyCodec, StringCodec  # noqa: E402
from mlserver.types import InferenceRequest, InferenceResponse, MetadataModelResponse  # noqa: E402


def infer(url: str, model: str, *inputs) -> InferenceResponse:
    request = InferenceRequest(inputs=list(inputs))
    response = requests.post(f"{url}/v2/models/{model}/infer", json=request.model_dump())
    response.raise_for_status()
    return InferenceResponse.model_validate_json(response.text)


def test_texts(url):
    answer = infer(url, "sentiment", StringCodec.encode_input("text", TEXTS, use_bytes=False))
    outputs = {output.name: output for output in answer.outputs}
    assert StringCodec.decode_output(outputs["label"]) == ["positive", "negative", "neutral"]
    own = own_scores("sentiment", TEXTS)
    found = NumpyCodec.decode_output(outputs["scores"]).astype(np.float32)
    assert [list(row) for row in found] == [[s[k] for k in ("negative", "neutral", "positive")] for s in own]


def test_seeds(url, seed):
    model, given, _, values, expected = seed
    answer = infer(url, model, NumpyCodec.encode_input(given, values))
    assert_close(NumpyCodec.decode_output(answer.outputs[0]), expected)


def test_metadata(url):
    metadata = MetadataModelResponse.model_validate(requests.get(f"{url}/v2/models/sentiment").json())
    assert metadata.name == "sentiment" and metadata.inputs and metadata.outputs
