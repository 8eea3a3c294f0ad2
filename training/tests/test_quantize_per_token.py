import platform
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from training.quantize.graph import Graph
from training.quantize.per_token import AFTER_GELU, SYMMETRIC, quantise_columns, quantise_per_token

RANDOM = np.random.default_rng(0)
WEIGHT = RANDOM.standard_normal((128, 160)).astype(np.float32)
BIAS = RANDOM.standard_normal(160).astype(np.float32)
# Without VNNI x86 adds two products of u8 and s8 in 16 bits with saturation (vpmaddubsw): 7 bits are safe there, 8 are not.
SATURATES = platform.machine() == "x86_64" and "vnni" not in Path("/proc/cpuinfo").read_text()


def model(nodes: list[onnx.NodeProto], rank: int = 3, **constants: np.ndarray) -> onnx.ModelProto:
    """A graph from x [..., 128] to y."""
    axes = ["batch", "tokens"][: rank - 1]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [*axes, 128])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [*axes, None])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(graph.model.SerializeToString()).run(None, {"x": x})[0]


def quantised(original: onnx.ModelProto, weight_bits: int = 7) -> Graph:
    graph = Graph(original)
    assert quantise_per_token(graph, weight_bits) > 0
    onnx.checker.check_model(graph.model)
    return graph


def operators(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


def matmul() -> onnx.ModelProto:
    return model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=WEIGHT)


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)))


@pytest.mark.parametrize(("weight_bits", "bound"), [(7, 0.015), (8, 0.01)])
def test_a_rewritten_matmul_is_close_to_float(weight_bits: int, bound: float) -> None:
    x = RANDOM.standard_normal((2, 5, 128)).astype(np.float32)
    if weight_bits == 8 and SATURATES:
        pytest.skip("8-bit weights saturate on a processor without VNNI")
    assert relative_error(run(quantised(matmul(), weight_bits), x), x @ WEIGHT) < bound


@pytest.mark.parametrize("transposed", [0, 1])
def test_a_gemm_keeps_its_bias_factors_and_orientation(transposed: int) -> None:
    weight = np.ascontiguousarray(WEIGHT.T) if transposed else WEIGHT
    gemm = helper.make_node("Gemm", ["x", "w", "b"], ["y"], transB=transposed, alpha=0.5, beta=2.0)
    x = RANDOM.standard_normal((6, 128)).astype(np.float32)
    found = run(quantised(model([gemm], rank=2, w=weight, b=BIAS)), x)
    assert relative_error(found, 0.5 * x @ WEIGHT + 2 * BIAS) < 0.015


def test_a_row_gets_the_same_bits_alone_and_in_any_batch() -> None:
    graph = quantised(matmul())
    x = (RANDOM.standard_normal((16, 7, 128)) * 10.0 ** RANDOM.integers(-3, 4, (16, 7, 1))).astype(np.float32)
    together = run(graph, x)
    for item in range(16):
        assert np.array_equal(run(graph, x[item : item + 1])[0], together[item])


def test_a_row_of_zeros_gives_zeros_and_disturbs_nobody() -> None:
    x = RANDOM.standard_normal((1, 3, 128)).astype(np.float32)
    x[0, 1] = 0
    found = run(quantised(matmul()), x)
    assert np.array_equal(found[0, 1], np.zeros(160, np.float32))
    assert relative_error(found, x @ WEIGHT) < 0.015


def test_an_activation_that_three_layers_read_is_quantised_once() -> None:
    nodes = [helper.make_node("MatMul", ["x", name], [f"{name}_out"]) for name in ("q", "k", "v")]
    nodes.append(helper.make_node("Sum", ["q_out", "k_out", "v_out"], ["y"]))
    graph = quantised(model(nodes, q=WEIGHT, k=WEIGHT, v=WEIGHT))
    assert operators(graph).count("QuantizeLinear") == 1
    assert operators(graph).count("MatMulIntegerToFloat") == 3


def test_behind_a_gelu_there_is_no_abs_and_half_the_error() -> None:
    weight = RANDOM.standard_normal((128, 128)).astype(np.float32)
    gelu = helper.make_node("Gelu", ["x"], ["g"], domain="com.microsoft")
    graph = quantised(model([gelu, helper.make_node("MatMul", ["g", "w"], ["y"])], w=weight), weight_bits=8)
    plain = quantised(model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=weight), weight_bits=8)
    assert "Abs" not in operators(graph)
    x = (RANDOM.standard_normal((1, 64, 128)) * 2).astype(np.float32)
    reference = model([gelu, helper.make_node("Identity", ["g"], ["y"])])
    activated = run(Graph(reference), x)
    exact = activated @ weight
    assert np.abs(run(graph, x) - exact).mean() < 0.8 * np.abs(run(plain, activated) - exact).mean()


def test_seven_bit_weights_cannot_saturate_a_16_bit_pair_sum() -> None:
    # Without VNNI, x86 adds two u8 * s8 products in 16 bits with saturation (vpmaddubsw).
    largest_activation, int16 = 255, np.iinfo(np.int16)
    integers, _ = quantise_columns(WEIGHT, largest=63)
    assert np.abs(integers).max() == 63
    assert 2 * largest_activation * 63 <= int16.max and -2 * largest_activation * 63 >= int16.min
    assert 2 * largest_activation * 127 > int16.max
    assert max(spread.zero_point + spread.steps for spread in (SYMMETRIC, AFTER_GELU)) == largest_activation


def test_a_column_of_zeros_stays_zero() -> None:
    weight = WEIGHT.copy()
    weight[:, 3] = 0
    x = RANDOM.standard_normal((1, 2, 128)).astype(np.float32)
    found = run(quantised(model([helper.make_node("MatMul", ["x", "w"], ["y"])], w=weight)), x)
    assert np.all(found[..., 3] == 0) and np.isfinite(found).all()


def test_small_and_variable_matrices_stay_as_they_are() -> None:
    nodes = [helper.make_node("MatMul", ["x", "head"], ["y"])]
    graph = Graph(model(nodes, head=WEIGHT[:, :3]))
    assert quantise_per_token(graph, 7) == 0
    assert operators(graph) == ["MatMul"]
