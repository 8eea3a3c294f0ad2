"""Sends FP32 tensors of 1x3x224x224 with tritonclient, and prints what each request took here, in ms, as JSON."""

import json
import sys
import time

import numpy
import tritonclient.http as http

address, model, count, warm_up = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = http.InferenceServerClient(address, network_timeout=120)
tensor = numpy.random.default_rng(1).standard_normal((1, 3, 224, 224)).astype("float32")
metadata = client.get_model_metadata(model)
[taken], [given_back] = metadata["inputs"], metadata["outputs"]


def infer(binary):
    given = http.InferInput(taken["name"], tensor.shape, "FP32")
    given.set_data_from_numpy(tensor, binary_data=binary)
    wanted = [http.InferRequestedOutput(given_back["name"], binary_data=binary)]
    begun = time.perf_counter()
    answer = client.infer(model, [given], outputs=wanted).as_numpy(given_back["name"])
    took = (time.perf_counter() - begun) * 1000
    assert model != "identity" or answer.tobytes() == tensor.tobytes()
    assert answer.shape[0] == 1
    return took


for _ in range(warm_up):
    infer(True)
before = client.get_inference_statistics(model)["model_stats"][0]["inference_stats"]
binary = [infer(True) for _ in range(count)]
after = client.get_inference_statistics(model)["model_stats"][0]["inference_stats"]
json_ms = [infer(False) for _ in range(max(1, count // 50))]


def mean(part):
    return (after[part]["ns"] - before[part]["ns"]) / (after[part]["count"] - before[part]["count"]) / 1e6


print(
    json.dumps(
        {
            "binary_ms": binary,
            "json_ms": json_ms,
            "run_ms": mean("compute_infer"),
        }
    )
)
