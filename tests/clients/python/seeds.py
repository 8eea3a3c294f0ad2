"""The five models that this field's tutorials begin with, as ONNX files with random weights, and what onnxruntime gives for them.

    seeds.py <models folder> <references folder>

Each is a folder with a graph and nothing else, as it comes out of an exporter; `<name>.npz` holds inputs and outputs.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

BATCH = 3


class Graph:
    """Collects nodes and weights; weights are small and random, the same each time."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def weight(self, *shape: int) -> str:
        values = self.random.normal(0, 1 / np.sqrt(shape[-1]), shape).astype(np.float32)
        return self.constant(values)

    def constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def then(self, operator: str, *inputs: str, outputs: int = 1, last: str | None = None, **attributes) -> str:
        names = [last if last and at == outputs - 1 else f"{operator}_{len(self.nodes)}_{at}" for at in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, **attributes))
        return names[-1]

    def dense(self, x: str, size_in: int, size_out: int, last: str | None = None) -> str:
        return self.then("Gemm", x, self.weight(size_in, size_out), self.weight(size_out), last=last)

    def model(self, given: tuple[str, int, list], result: tuple[str, list]) -> onnx.ModelProto:
        name, dtype, shape = given
        graph = helper.make_graph(
            self.nodes,
            "seed",
            [helper.make_tensor_value_info(name, dtype, ["batch", *shape])],
            [helper.make_tensor_value_info(result[0], TensorProto.FLOAT, ["batch", *result[1]])],
            self.weights,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        return model


def regression_mlp() -> onnx.ModelProto:
    """10-64-1, as for tables of house prices."""
    g = Graph(1)
    x = g.then("Relu", g.dense("features", 10, 64))
    g.dense(x, 64, 1, last="price")
    return g.model(("features", TensorProto.FLOAT, [10]), ("price", [1]))


def sigmoid_classifier() -> onnx.ModelProto:
    """784-256-1, flat pictures to one probability."""
    g = Graph(2)
    x = g.then("Relu", g.dense("pixels", 784, 256))
    g.then("Sigmoid", g.dense(x, 256, 1), last="probability")
    return g.model(("pixels", TensorProto.FLOAT, [784]), ("probability", [1]))


def lstm_classifier() -> onnx.ModelProto:
    """Embedding and LSTM over sequences of word ids, padded with 0 to any common length."""
    g, words, width = Graph(3), 1000, 32
    x = g.then("Gather", g.weight(words, 16), "word_ids")
    x = g.then("Transpose", x, perm=[1, 0, 2])
    weights = g.weight(1, 4 * width, 16), g.weight(1, 4 * width, width)
    x = g.then("LSTM", x, *weights, outputs=2, hidden_size=width)
    x = g.then("Squeeze", x, g.constant(np.array([0], dtype=np.int64)))
    g.then("Sigmoid", g.dense(x, width, 1), last="probability")
    return g.model(("word_ids", TensorProto.INT64, ["length"]), ("probability", [1]))


def digits_cnn() -> onnx.ModelProto:
    """28×28 grey, channels first as PyTorch exports it."""
    g = Graph(4)
    x = g.then("Relu", g.then("Conv", "image", g.weight(8, 1, 3, 3), g.weight(8)))
    x = g.then("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.then("Flatten", x)
    g.then("Softmax", g.dense(x, 8 * 13 * 13, 10), last="probabilities", axis=1)
    return g.model(("image", TensorProto.FLOAT, [1, 28, 28]), ("probabilities", [10]))


def colours_cnn() -> onnx.ModelProto:
    """32×32×3, channels last as Keras exports it."""
    g = Graph(5)
    x = g.then("Transpose", "input_1", perm=[0, 3, 1, 2])
    x = g.then("Relu", g.then("Conv", x, g.weight(16, 3, 3, 3), g.weight(16), pads=[1, 1, 1, 1]))
    x = g.then("GlobalAveragePool", x)
    x = g.then("Flatten", x)
    g.dense(x, 16, 10, last="logits")
    return g.model(("input_1", TensorProto.FLOAT, [32, 32, 3]), ("logits", [10]))


def padded_ids(random: np.random.Generator) -> np.ndarray:
    ids = random.integers(1, 1000, (BATCH, 20))
    for row, length in enumerate([20, 7, 1]):
        ids[row, length:] = 0
    return ids.astype(np.int64)


SEEDS = {
    "regression-mlp": (regression_mlp, lambda r: r.normal(size=(BATCH, 10)).astype(np.float32)),
    "sigmoid-classifier": (sigmoid_classifier, lambda r: r.random((BATCH, 784), dtype=np.float32)),
    "lstm-classifier": (lstm_classifier, padded_ids),
    "digits-cnn": (digits_cnn, lambda r: r.random((BATCH, 1, 28, 28), dtype=np.float32)),
    "colours-cnn": (colours_cnn, lambda r: r.random((BATCH, 32, 32, 3), dtype=np.float32)),
}


def main(models: Path, references: Path) -> None:
    references.mkdir(parents=True)
    for name, (build, draw) in SEEDS.items():
        model = build()
        folder = models / name / "1"
        folder.mkdir(parents=True)
        onnx.save(model, folder / "model.onnx")
        values = draw(np.random.default_rng(7))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (given,), (result,) = session.get_inputs(), session.get_outputs()
        (output,) = session.run(None, {given.name: values})
        np.savez(references / f"{name}.npz", input=values, output=output, names=[given.name, result.name])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
