"""
Moves the bias that is added to a residual to where it costs nothing.

A transformer's MLP computes LayerNormalization(h · W2 + b2 + x) with h = Gelu(x · W1 + b1), where x is itself normalised:
x = n · γ + β. Let x carry the bias, x' = x + b2 with β' = β + b2, and the first layer take it off again,
b1' = b1 - b2 · W1. A pass over an activation less; exact but for rounding. (Around attention the same algebra exists, but
needs shifts of up to 250 times the biases.)
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from training.quantize.attention import split_bias
from training.quantize.graph import Graph, is_operator


def fold_residual_biases(graph: Graph) -> int:
    """Wants activations with their biases (`approximate_gelu`) and residuals as Sum; gives the number of biases moved."""
    folded = 0
    for node in graph.nodes:
        if is_operator(node, "Sum") and len(node.input) == 2:
            folded += any(_fold(graph, node, *order) for order in (tuple(node.input), tuple(reversed(node.input))))
    graph.prune()
    return folded


def _fold(graph: Graph, total: onnx.NodeProto, projection: str, residual: str) -> bool:
    found = split_bias(graph, projection)
    norm = graph.producer(residual)
    if found is None or not is_operator(norm, "LayerNormalization") or graph.is_output(residual):
        return False
    product, bias = found
    beta = graph.constant(norm.input[2]) if len(norm.input) == 3 else None
    readers = [node for node in graph.consumers(residual) if node is not total]
    weight = _weight(graph, readers[0]) if len(readers) == 1 else None
    if beta is None or weight is None or not graph.is_read_once(readers[0].output[0]):
        return False
    gelu = graph.consumers(readers[0].output[0])[0]
    first_bias = graph.constant(gelu.input[1]) if is_operator(gelu, "FastGelu") and len(gelu.input) == 2 else None
    if first_bias is None:
        return False
    graph.redirect([gelu], gelu.input[1], graph.add_constant("shifted_bias", first_bias - bias @ weight))
    graph.redirect([norm], norm.input[2], graph.add_constant("shifted_beta", beta + bias))
    graph.redirect([total], projection, product)
    return True


def _weight(graph: Graph, node: onnx.NodeProto) -> NDArray[np.float32] | None:
    """The constant matrix of a MatMul."""
    weight = graph.constant(node.input[1]) if is_operator(node, "MatMul") else None
    return weight if weight is not None and weight.ndim == 2 else None
