"""Fuses the attention of an export (eager mode) into com.microsoft.MultiHeadAttention."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime

from training.quantize.graph import MICROSOFT, Graph, attribute, is_operator

MASK = "attention_mask"
# What MultiHeadAttention adds to the score of a masked token: exp() of it is 0 in float32, so the token weighs nothing.
MASKED_SCORE = -10000.0
_SHAPES = ((1, 5), (2, 7), (3, 4))  # (items, tokens) on which a mask's meaning is checked
_TO_HEADS = [0, 2, 1, 3]  # [batch, tokens, heads, width] to [batch, heads, tokens, width] and back
_TO_HEADS_TRANSPOSED = [0, 2, 3, 1]


@dataclass(frozen=True)
class _Heads:
    """A projection [batch, tokens, count × width] that the graph cuts into heads."""

    source: str
    count: int
    scale: float


@dataclass(frozen=True)
class _Attention:
    output: str
    query: _Heads
    key: _Heads
    value: _Heads
    scale: float
    bias: str


def fuse_attention(graph: Graph) -> int:
    """Replaces every attention of the textbook's shape; gives their number."""
    fused = 0
    padding = ""
    is_padding: dict[str, bool] = {}
    for node in graph.nodes:
        found = _match(graph, node)
        if found is None:
            continue
        if found.bias not in is_padding:
            is_padding[found.bias] = _means_padding(graph, found.bias)
        if is_padding[found.bias] and not padding:
            # One Cast instead of the 20 to 60 nodes with which exporters spell the same mask.
            padding = graph.add("Cast", [MASK], to=onnx.TensorProto.INT32)[0]
        mask, bias = (padding, "") if is_padding[found.bias] else ("", found.bias)
        sources, biases = _split_biases(graph, [found.query, found.key, found.value])
        inputs = [*sources, biases, mask, bias]
        while not inputs[-1]:
            inputs.pop()
        graph.add(
            "MultiHeadAttention",
            inputs,
            output=found.output,
            domain=MICROSOFT,
            num_heads=found.query.count,
            scale=found.scale,
            mask_filter_value=MASKED_SCORE,
        )
        fused += 1
    if fused:
        graph.use_opset(MICROSOFT, 1)
    graph.prune()
    return fused


def _match(graph: Graph, softmax: onnx.NodeProto) -> _Attention | None:
    """softmax(query · keyᵀ × scale + bias) · value, heads apart before and joined after."""
    if not is_operator(softmax, "Softmax") or attribute(softmax, "axis", -1) not in (-1, 3):
        return None
    scores = _match_scores(graph, softmax.input[0])
    if scores is None or not graph.is_read_once(softmax.output[0]):
        return None
    weighted = graph.consumers(softmax.output[0])[0]
    if not is_operator(weighted, "MatMul") or not graph.is_read_once(weighted.output[0]):
        return None
    value = _match_heads(graph, weighted.input[1], _TO_HEADS)
    transpose = graph.consumers(weighted.output[0])[0]
    if value is None or not is_operator(transpose, "Transpose") or attribute(transpose, "perm") != _TO_HEADS:
        return None
    joined = graph.consumers(transpose.output[0])
    if len(joined) != 1 or not is_operator(joined[0], "Reshape"):
        return None
    query, key, scale, bias = scores
    if not query.count == key.count == value.count or value.scale != 1:
        return None
    return _Attention(joined[0].output[0], query, key, value, scale * query.scale * key.scale, bias)


def _match_scores(graph: Graph, tensor: str) -> tuple[_Heads, _Heads, float, str] | None:
    product = _match_product(graph, tensor)
    if product is not None:
        return *product, ""
    node = graph.producer(tensor)
    if is_operator(node, "Add"):
        for scores, bias in (node.input, reversed(node.input)):
            product = _match_product(graph, scores)
            if product is not None:
                return *product, bias
    if is_operator(node, "Where"):
        # Older exports: Where(is padding, lowest number, scores).
        condition, fill, scores = node.input
        product = _match_product(graph, scores)
        if product is not None and graph.scalar(fill) is not None:
            zero = graph.add_constant("not_masked", np.float32(0))
            floor = graph.add_constant("masked", np.float32(MASKED_SCORE))
            return *product, graph.add("Where", [condition, floor, zero])[0]
    return None


def _match_product(graph: Graph, tensor: str) -> tuple[_Heads, _Heads, float] | None:
    tensor, scale = _peel_scale(graph, tensor)
    node = graph.producer(tensor)
    if is_operator(node, "FusedMatMul"):
        if any(attribute(node, name, 0) for name in ("transA", "transBatchA", "transBatchB")):
            return None
        scale *= float(attribute(node, "alpha", 1.0))
        order = _TO_HEADS if attribute(node, "transB", 0) else _TO_HEADS_TRANSPOSED
    elif is_operator(node, "MatMul"):
        order = _TO_HEADS_TRANSPOSED
    else:
        return None
    query = _match_heads(graph, node.input[0], _TO_HEADS)
    key = _match_heads(graph, node.input[1], order)
    return None if query is None or key is None else (query, key, scale)


def _peel_scale(graph: Graph, tensor: str) -> tuple[str, float]:
    """The tensor under multiplications and divisions by a constant number, and their product."""
    node = graph.producer(tensor)
    if is_operator(node, "Mul", "Div") and graph.is_read_once(tensor):
        factor = graph.scalar(node.input[1])
        if factor is not None:
            inner, scale = _peel_scale(graph, node.input[0])
            return inner, scale * (factor if node.op_type == "Mul" else 1 / factor)
    return tensor, 1.0


def _match_heads(graph: Graph, tensor: str, order: list[int]) -> _Heads | None:
    """Transpose(Reshape(source)), with the last two axes swapped in one or in two transpositions."""
    tensor, outer = _peel_scale(graph, tensor)
    transpose = graph.producer(tensor)
    if not is_operator(transpose, "Transpose"):
        return None
    if order == _TO_HEADS_TRANSPOSED and attribute(transpose, "perm") == [0, 1, 3, 2]:
        return _match_heads(graph, transpose.input[0], _TO_HEADS)
    reshaped, inner = _peel_scale(graph, transpose.input[0])
    reshape = graph.producer(reshaped)
    if attribute(transpose, "perm") != order or not is_operator(reshape, "Reshape"):
        return None
    count = _head_count(graph, reshape)
    source, scale = _peel_scale(graph, reshape.input[0])
    return None if count is None else _Heads(source, count, scale * inner * outer)


def _head_count(graph: Graph, reshape: onnx.NodeProto) -> int | None:
    """The third of the four numbers that a Reshape gets, constant or put together by Concat; -1 stands for the rest."""
    source, shape = reshape.input
    value = graph.constant(shape)
    concat = graph.producer(shape)
    if value is not None and value.size == 4:
        count, width = int(value[2]), int(value[3])
    elif is_operator(concat, "Concat") and len(concat.input) == 4:
        count, width = (int(graph.scalar(name) or 0) for name in concat.input[2:])
    else:
        return None
    if count > 0:
        return count
    columns = _columns(graph, source)
    return columns // width if count == -1 and width > 0 and columns is not None else None


def _columns(graph: Graph, tensor: str) -> int | None:
    """The size of a projection's last axis."""
    tensor, _ = _peel_scale(graph, tensor)
    node = graph.producer(tensor)
    if is_operator(node, "MatMul", "Add"):
        for name in node.input:
            shape = graph.constant_shape(name)
            if shape is not None:
                return shape[-1]
    return None


def _split_biases(graph: Graph, projections: list[_Heads]) -> tuple[list[str], str]:
    """The three projections before their biases, and these in one constant, as the operator takes them."""
    sources: list[str] = []
    biases: list[np.ndarray] = []
    for heads in projections:
        found = split_bias(graph, heads.source)
        if found is None:
            return [heads.source for heads in projections], ""
        sources.append(found[0])
        biases.append(found[1])
    return sources, graph.add_constant("attention_bias", np.concatenate(biases))


def split_bias(graph: Graph, tensor: str) -> tuple[str, np.ndarray] | None:
    """`Add(source, vector)` in either order: the source and the vector."""
    node = graph.producer(tensor)
    if not is_operator(node, "Add") or not graph.is_read_once(tensor):
        return None
    for source, bias in (node.input, reversed(node.input)):
        vector = graph.constant(bias)
        if vector is not None and vector.ndim == 1:
            return source, vector
    return None


def _means_padding(graph: Graph, bias: str) -> bool:
    """
    Whether the bias is 0 where `attention_mask` is 1 and hides the token where it is 0, for every query.

    Exporters spell this in many ways, and shapes alone do not tell it from a causal mask: the part of the graph that
    computes it runs here on random masks.
    """
    if not bias or MASK not in graph.inputs:
        return False
    part = onnx.ModelProto()
    part.CopyFrom(graph.model)
    del part.graph.output[:]
    part.graph.output.append(onnx.helper.make_tensor_value_info(bias, onnx.TensorProto.FLOAT, None))
    Graph(part).prune()
    needed = {name for node in part.graph.node for name in node.input}
    inputs = [value for value in part.graph.input if value.name in needed]
    if MASK not in needed or any(value.type.tensor_type.elem_type != onnx.TensorProto.INT64 for value in inputs):
        return False
    del part.graph.input[:]
    part.graph.input.extend(inputs)
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    for items, tokens in _SHAPES:
        mask = random.integers(0, 2, (items, tokens))
        mask[:, 0] = 1
        feed = {value.name: mask if value.name == MASK else np.zeros_like(mask) for value in inputs}
        (computed,) = session.run(None, feed)
        if computed.ndim != 4:
            return False
        seen = np.broadcast_to(computed, (items, computed.shape[1], tokens, tokens))
        is_token = np.broadcast_to(mask[:, None, None, :] == 1, seen.shape)
        if not (np.all(seen[is_token] == 0) and np.all(seen[~is_token] <= MASKED_SCORE)):
            return False
    return True
