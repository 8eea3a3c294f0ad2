"""
Lays activations out token by token, [tokens, batch, width], where they pass through attention.

com.microsoft.FusedMatMul reads the heads of [tokens, batch, heads, width] in place (`transBatchA`, `transBatchB`), so
attention needs one transposition in place of four. Everything else in a transformer works on each row alone and does not
mind: one transposition before the first layer, one behind the last.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from training.quantize.attention import MASKED_SCORE
from training.quantize.graph import MICROSOFT, Graph, attribute, is_operator
from training.quantize.rows import row_origins

_SWAP = [1, 0, 2]


def lay_out_token_major(graph: Graph) -> dict[str, str]:
    """
    Spells every self-attention in operators that read token-major activations.

    Returns, for each attention's output, a tensor that has the same rows, for `row_origins`.
    """
    origins = row_origins(graph)
    same_rows: dict[str, str] = {}
    for origin in _attended(graph, origins):
        region = {tensor for tensor, other in origins.items() if other == origin}
        inside = [node for node in graph.nodes if node.output[0] in region]
        (swapped,) = graph.add("Transpose", [origin], perm=_SWAP)
        graph.redirect([node for node in inside if origin in node.input], origin, swapped)
        for tensor in sorted(region):
            _swap_back(graph, tensor, region)
        spelling = _Spelling(graph)
        for node in inside:
            if is_operator(node, "MultiHeadAttention"):
                spelling.spell(node)
                same_rows[node.output[0]] = swapped
    graph.prune()
    return same_rows


def _attended(graph: Graph, origins: dict[str, str]) -> list[str]:
    """The origins of activations that attend to themselves."""
    found: dict[str, None] = {}
    for node in graph.nodes:
        if is_operator(node, "MultiHeadAttention"):
            sources = {origins.get(name, name) for name in node.input[:3]}
            if len(sources) == 1:
                found[sources.pop()] = None
    return list(found)


def _swap_back(graph: Graph, tensor: str, region: set[str]) -> None:
    """Readers outside the region, and the caller, get the tensor batch by batch, as it was."""
    outside = [node for node in graph.consumers(tensor) if node.output[0] not in region]
    if graph.is_output(tensor):
        inner = graph.rename(tensor)
        graph.add("Transpose", [inner], output=tensor, perm=_SWAP)
        graph.redirect(outside, inner, tensor)
    elif outside:
        (swapped,) = graph.add("Transpose", [tensor], perm=_SWAP)
        graph.redirect(outside, tensor, swapped)


class _Spelling:
    """Replaces MultiHeadAttention nodes; what they share is made once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._masks: dict[str, str] = {}
        self._shapes: dict[int, str] = {}
        self._joined = graph.add_constant("joined_heads", np.array([0, 0, -1], np.int64))

    def spell(self, node: onnx.NodeProto) -> None:
        graph = self._graph
        heads = int(attribute(node, "num_heads", 0))
        query, key, value, biases, padding, bias = [*node.input, *[""] * 6][:6]
        if biases:
            query, value = self._add_biases(query, value, graph.constant(biases), node.output[0])
        query, key, value = (
            graph.add("Reshape", [name, self._heads_shape(heads)])[0] for name in (query, key, value)
        )
        (scores,) = graph.add(
            "FusedMatMul",
            [query, key],
            domain=MICROSOFT,
            alpha=attribute(node, "scale"),
            transB=1,
            transBatchA=1,
            transBatchB=1,
        )
        bias = self._mask(padding) if padding else bias
        if bias:
            (scores,) = graph.add("Add", [scores, bias])
        (weights,) = graph.add("Softmax", [scores], axis=-1)
        (context,) = graph.add("FusedMatMul", [weights, value], domain=MICROSOFT, transBatchB=1)
        (rows,) = graph.add("Transpose", [context], perm=[2, 0, 1, 3])
        graph.add("Reshape", [rows, self._joined], output=node.output[0])

    def _add_biases(self, query: str, value: str, biases: NDArray[np.float32], output: str) -> tuple[str, str]:
        """
        Only the query's bias is worth a node: the key's adds the same number to all scores of a query, which softmax
        ignores, and the value's passes through the weights, whose sum is 1, into the bias of the layer behind.
        """
        graph = self._graph
        of_query, _, of_value = np.split(biases, 3)
        (query,) = graph.add("Add", [query, graph.add_constant("query_bias", of_query)])
        if not _fold_into_next_bias(graph, output, of_value):
            (value,) = graph.add("Add", [value, graph.add_constant("value_bias", of_value)])
        return query, value

    def _heads_shape(self, heads: int) -> str:
        if heads not in self._shapes:
            shape = np.array([0, 0, heads, -1], np.int64)
            self._shapes[heads] = self._graph.add_constant("split_heads", shape)
        return self._shapes[heads]

    def _mask(self, padding: str) -> str:
        """[batch, tokens] of 1 and 0 as 0 and a score that hides the token, [batch, 1, 1, tokens]."""
        if padding not in self._masks:
            graph = self._graph
            (floats,) = graph.add("Cast", [padding], to=onnx.TensorProto.FLOAT)
            (hidden,) = graph.add("Sub", [floats, graph.add_constant("is_token", np.float32(1))])
            (scores,) = graph.add("Mul", [hidden, graph.add_constant("hide", np.float32(-MASKED_SCORE))])
            axes = graph.add_constant("mask_axes", np.array([1, 2], np.int64))
            (self._masks[padding],) = graph.add("Unsqueeze", [scores, axes])
        return self._masks[padding]


def _fold_into_next_bias(graph: Graph, tensor: str, bias: NDArray[np.float32]) -> bool:
    """`(tensor + bias) · W + b` as `tensor · W + (b + bias · W)`, where that is all that reads the tensor."""
    if not graph.is_read_once(tensor):
        return False
    layer = graph.consumers(tensor)[0]
    weight = graph.constant(layer.input[1]) if is_operator(layer, "MatMul") else None
    if weight is None or not graph.is_read_once(layer.output[0]):
        return False
    total = graph.consumers(layer.output[0])[0]
    if not is_operator(total, "Add", "Sum"):
        return False
    for name in total.input:
        old = graph.constant(name)
        if old is not None and old.shape == weight.shape[1:]:
            graph.redirect([total], name, graph.add_constant("folded_bias", old + bias @ weight))
            return True
    return False
