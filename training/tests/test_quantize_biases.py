import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from training.quantize.biases import fold_residual_biases
from training.quantize.graph import Graph

RANDOM = np.random.default_rng(0)


def mlp_graph() -> Graph:
    """A normalised activation x, its MLP and their normalised sum."""
    constants = {"gamma": (8,), "beta": (8,), "w1": (8, 32), "b1": (32,), "w2": (32, 8), "b2": (8,)}
    nodes = [
        helper.make_node("LayerNormalization", ["input", "gamma", "beta"], ["x"]),
        helper.make_node("MatMul", ["x", "w1"], ["wide"]),
        helper.make_node("FastGelu", ["wide", "b1"], ["active"], domain="com.microsoft"),
        helper.make_node("MatMul", ["active", "w2"], ["narrow"]),
        helper.make_node("Add", ["b2", "narrow"], ["biased"]),
        helper.make_node("Sum", ["biased", "x"], ["total"]),
        helper.make_node("LayerNormalization", ["total", "gamma", "beta"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, ["batch", "tokens", 8])],
        [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, ["batch", "tokens", 8])],
        [
            numpy_helper.from_array(RANDOM.standard_normal(shape).astype(np.float32), name)
            for name, shape in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return Graph(helper.make_model(graph, opset_imports=opsets, ir_version=10))


def run(graph: Graph, given: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(graph.model.SerializeToString()).run(None, {"input": given})[0]


def test_the_bias_leaves_the_residual_and_the_output_stays() -> None:
    graph, given = mlp_graph(), RANDOM.standard_normal((2, 5, 8)).astype(np.float32)
    before = run(graph, given)
    assert fold_residual_biases(graph) == 1
    assert "Add" not in [node.op_type for node in graph.nodes]
    assert np.abs(run(graph, given) - before).max() < 1e-5


def test_an_activation_that_something_else_reads_keeps_its_values() -> None:
    graph = mlp_graph()
    graph.model.graph.output.append(helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, None))
    assert fold_residual_biases(Graph(graph.model)) == 0
