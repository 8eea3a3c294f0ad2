"""KServe's own gRPC client."""

import asyncio

import numpy as np
from conftest import GRPC, TEXTS, assert_close, own_scores
from kserve import InferenceGRPCClient, InferInput, InferRequest

TYPES = {"float32": "FP32", "int64": "INT64"}


def ask(question):
    async def with_client():
        async with InferenceGRPCClient(GRPC) as client:
            return await question(client)

    return asyncio.run(with_client())


def test_texts():
    given = InferInput("text", [len(TEXTS)], "BYTES", data=[text.encode() for text in TEXTS])
    answer = ask(lambda client: client.infer(InferRequest(model_name="sentiment", infer_inputs=[given])))
    scores = next(output for output in answer.outputs if output.name == "scores").as_numpy()
    own = own_scores("sentiment", TEXTS)
    assert [list(row) for row in scores.reshape(len(TEXTS), 3)] == [
        [row[label] for label in ("negative", "neutral", "positive")] for row in own
    ]


def test_seeds(seed):
    model, given, _, values, expected = seed
    tensor = InferInput(given, list(values.shape), TYPES[values.dtype.name])
    tensor.set_data_from_numpy(values, binary_data=True)
    answer = ask(lambda client: client.infer(InferRequest(model_name=model, infer_inputs=[tensor])))
    assert_close(answer.outputs[0].as_numpy(), np.asarray(expected))


def test_health():
    assert ask(lambda client: client.is_server_live()) and ask(lambda client: client.is_server_ready())
    assert ask(lambda client: client.is_model_ready("sentiment"))
