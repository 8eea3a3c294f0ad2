"""Which tensors hold one row for each token of the same batch, in the same order."""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from training.quantize.graph import Graph, attribute, is_operator

_UNARY = ("Gelu", "FastGelu", "Tanh", "Relu", "MultiHeadAttention")


def row_origins(graph: Graph, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """
    For each tensor the first one that surely has the same axes but for the last.

    It follows what works on each row alone (linear layers, normalisation, activations, sums of such) and attention.
    `known` adds what the graph does not show: a tensor, and one with the same rows.
    """
    origins: dict[str, str] = dict(known or {})

    def origin(tensor: str) -> str:
        return origins.get(tensor, tensor)

    for node in graph.nodes:
        if is_operator(node, *_UNARY) or _is_row_wise(graph, node):
            origins[node.output[0]] = origin(node.input[0])
        elif is_operator(node, "Add", "Sum", "Mul"):
            # A constant vector is added to every row; anything else has to be of the same rows.
            found = {origin(name) for name in node.input if len(graph.constant_shape(name) or (0, 0)) > 1}
            if len(found) == 1:
                origins[node.output[0]] = found.pop()
    return origins


def _is_row_wise(graph: Graph, node: onnx.NodeProto) -> bool:
    if is_operator(node, "LayerNormalization"):
        return attribute(node, "axis", -1) == -1
    return is_operator(node, "MatMul") and len(graph.constant_shape(node.input[1]) or ()) == 2
