"""Linear layers of a graph: MatMul and Gemm with a constant matrix, whichever way an exporter wrote them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from training.quantize.graph import Graph, attribute

# Below this a layer's cost is that of its nodes, not of its arithmetic: a classifier's head stays as it is.
SMALLEST = 1 << 14


@dataclass(frozen=True)
class Linear:
    """output = source · weight + bias, weight [inputs, outputs]."""

    source: str
    weight: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    output: str


def linear_layers(graph: Graph) -> Iterator[Linear]:
    """Every layer that is worth a rewrite, in the order of the graph."""
    for node in graph.nodes:
        layer = _linear(graph, node)
        if layer is not None and layer.weight.size >= SMALLEST:
            yield layer


def _linear(graph: Graph, node: onnx.NodeProto) -> Linear | None:
    if node.domain or node.op_type not in ("MatMul", "Gemm"):
        return None
    weight = graph.constant(node.input[1])
    if weight is None or weight.ndim != 2 or weight.dtype != np.float32:
        return None
    if node.op_type == "MatMul":
        return Linear(node.input[0], weight, None, node.output[0])
    if attribute(node, "transA", 0):
        return None
    if attribute(node, "transB", 0):
        weight = weight.T
    bias = None
    if len(node.input) > 2 and node.input[2]:
        constant = graph.constant(node.input[2])
        if constant is None or constant.size not in (1, weight.shape[1]):
            return None
        bias = np.broadcast_to(constant.reshape(-1), weight.shape[1:]) * np.float32(attribute(node, "beta", 1.0))
    return Linear(node.input[0], weight * np.float32(attribute(node, "alpha", 1.0)), bias, node.output[0])
