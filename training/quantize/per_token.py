"""
Per-token dynamic int8: every row of an activation gets a scale of its own, so no item can see its neighbours.

For a linear layer y = x · W, with x [..., K] in float32 and one row for each token:

    s    = max|x| / 127          one for each row, while the model runs
    q    = round(x / s) + 128    uint8, 1..255
    c    = max|W| / 63           one for each column, once
    w    = round(W / c)          int8, -63..63
    y    = s · c · ((q - 128) · w)

Behind a Gelu x is never below -0.17, so that most of int8's range would hold nothing: there the zero point is 40,
s = max(max x / 215, 0.17 / 40), and no Abs is needed.

Operators: QuantizeLinear with `block_size` K (ONNX opset 21) gives each row its scale at any rank, without a Reshape;
com.microsoft.MatMulIntegerToFloat multiplies and applies c.
Formats: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html and
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from training.quantize.graph import MICROSOFT, Graph, is_operator
from training.quantize.linear import Linear, linear_layers

OPSET = 21  # QuantizeLinear's block_size
_GELU_MINIMUM = 0.17  # Gelu(-0.7518) = -0.16997


@dataclass(frozen=True)
class ActivationRange:
    """How a row's largest value becomes its scale: max(largest / steps, floor)."""

    zero_point: int
    steps: int
    floor: float | None


SYMMETRIC = ActivationRange(zero_point=128, steps=127, floor=None)
AFTER_GELU = ActivationRange(zero_point=40, steps=215, floor=_GELU_MINIMUM / 40)


@dataclass(frozen=True)
class _Quantised:
    tensor: str
    scale: str
    zero_point: str


def quantise_per_token(graph: Graph, weight_bits: int) -> int:
    """Rewrites every linear layer; gives their number."""
    rewriter = _Rewriter(graph, largest_weight=2 ** (weight_bits - 1) - 1)
    layers = list(linear_layers(graph))
    for layer in layers:
        rewriter.rewrite(layer)
    graph.use_opset("", OPSET)
    graph.use_opset(MICROSOFT, 1)
    graph.prune()
    return len(layers)


def quantise_columns(weight: NDArray[np.float32], largest: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix as integers of at most ±largest and one scale for each column."""
    scale = np.abs(weight).max(axis=0) / np.float32(largest)
    scale[scale == 0] = 1
    return np.rint(weight / scale).astype(np.int8), scale


class _Rewriter:
    def __init__(self, graph: Graph, largest_weight: int) -> None:
        self._graph = graph
        self._largest_weight = largest_weight
        self._rows = _row_origins(graph)
        self._quantised: dict[str, _Quantised] = {}
        self._zero_points: dict[tuple[str, int], str] = {}
        self._scalars: dict[tuple[str, float], str] = {}
        self._last_axis = graph.add_constant("last_axis", np.array([-1], np.int64))

    def rewrite(self, layer: Linear) -> None:
        graph = self._graph
        activation = self._quantise(layer.source, layer.weight.shape[0])
        integers, scale = quantise_columns(layer.weight, self._largest_weight)
        inputs = [
            activation.tensor,
            graph.add_constant("weight_int8", integers),
            self._scalar("one", np.float32(1)),
            graph.add_constant("weight_scale", scale),
            activation.zero_point,
        ]
        (product,) = graph.add("MatMulIntegerToFloat", inputs, domain=MICROSOFT)
        if layer.bias is None:
            graph.add("Mul", [product, activation.scale], output=layer.output)
        else:
            (scaled,) = graph.add("Mul", [product, activation.scale])
            graph.add("Add", [scaled, graph.add_constant("bias", layer.bias)], output=layer.output)

    def _quantise(self, source: str, width: int) -> _Quantised:
        """Quantises an activation once, however many layers read it (query, key and value do)."""
        if source not in self._quantised:
            after_gelu = is_operator(self._graph.producer(source), "Gelu", "FastGelu")
            self._quantised[source] = self._add_quantisation(source, width, AFTER_GELU if after_gelu else SYMMETRIC)
        return self._quantised[source]

    def _add_quantisation(self, source: str, width: int, spread: ActivationRange) -> _Quantised:
        graph = self._graph
        magnitude = source if spread.floor else graph.add("Abs", [source])[0]
        (largest,) = graph.add("ReduceMax", [magnitude, self._last_axis], keepdims=1)
        (scale,) = graph.add("Mul", [largest, self._scalar("inverse_steps", np.float32(1 / spread.steps))])
        if spread.floor:
            (scale,) = graph.add("Max", [scale, self._scalar("scale_floor", np.float32(spread.floor))])
        # Without a floor a row of zeros has the scale 0: whatever its 0 / 0 rounds to, the product times 0 is right.
        inputs = [source, scale, self._zero_point_rows(source, scale, spread.zero_point)]
        (integers,) = graph.add("QuantizeLinear", inputs, axis=-1, block_size=width)
        return _Quantised(integers, scale, self._scalar("zero_point", np.uint8(spread.zero_point)))

    def _zero_point_rows(self, source: str, scale: str, zero_point: int) -> str:
        """The zero point once for each row, as `block_size` wants it: one tensor for all activations of these rows."""
        key = self._rows.get(source, source), zero_point
        if key not in self._zero_points:
            (shape,) = self._graph.add("Shape", [scale])
            value = numpy_helper.from_array(np.array([zero_point], np.uint8))
            (self._zero_points[key],) = self._graph.add("ConstantOfShape", [shape], value=value)
        return self._zero_points[key]

    def _scalar(self, hint: str, value: np.generic) -> str:
        key = hint, float(value)
        if key not in self._scalars:
            self._scalars[key] = self._graph.add_constant(hint, np.array(value))
        return self._scalars[key]


def _row_origins(graph: Graph) -> dict[str, str]:
    """For each tensor the first one that is known to have the same axes but for the last."""
    origins: dict[str, str] = {}

    def origin(tensor: str) -> str:
        return origins.get(tensor, tensor)

    for node in graph.nodes:
        if is_operator(node, "LayerNormalization", "Gelu", "FastGelu", "Tanh", "Relu", "MultiHeadAttention", "Softmax"):
            origins[node.output[0]] = origin(node.input[0])
        elif is_operator(node, "MatMul") and len(graph.constant_shape(node.input[1]) or ()) == 2:
            origins[node.output[0]] = origin(node.input[0])
        elif is_operator(node, "Add", "Sum", "Mul"):
            # A constant vector is broadcast to the rows; anything else has to be of the same rows.
            tensors = [name for name in node.input if len(graph.constant_shape(name) or (0, 0)) > 1]
            found = {origin(name) for name in tensors}
            if len(found) == 1:
                origins[node.output[0]] = found.pop()
    return origins
