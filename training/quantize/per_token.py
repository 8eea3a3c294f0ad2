"""
Per-token dynamic int8: every row of an activation gets a scale of its own, so no item can see its neighbours.

For a linear layer y = x · W, with x [..., K] in float32 and one row for each token:

    s    = max|x| / 127          one for each row, while the model runs
    q    = round(x / s) + 128    uint8, 1..255
    c    = max|W| / 63           one for each column, once
    w    = round(W / c)          int8, -63..63
    y    = s · c · ((q - 128) · w)

Behind a Gelu x is never below -0.1701, so that half of int8's range would hold nothing: there the zero point is 40,
s = max(max x / 215, 0.1701 / 40), and no Abs is needed.

Operators: QuantizeLinear with `block_size` K (ONNX opset 21) gives each row its scale at any rank, without a Reshape;
com.microsoft.MatMulIntegerToFloat multiplies and applies c.
Formats: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html and
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from training.quantize.graph import MICROSOFT, Graph, is_operator
from training.quantize.linear import Linear, linear_layers
from training.quantize.rows import row_origins

_GELU_DEPTH = 0.1701  # Gelu's minimum is -0.16997, that of its tanh form -0.17004


@dataclass(frozen=True)
class ActivationRange:
    """How a row's largest value becomes its scale: max(largest / steps, floor)."""

    zero_point: int
    steps: int
    floor: float | None


SYMMETRIC = ActivationRange(zero_point=128, steps=127, floor=None)
AFTER_GELU = ActivationRange(zero_point=40, steps=215, floor=_GELU_DEPTH / 40)


@dataclass(frozen=True)
class _Quantised:
    tensor: str
    scale: str
    zero_point: str


def quantise_per_token(graph: Graph, weight_bits: int, same_rows: Mapping[str, str] | None = None) -> int:
    """
    Rewrites every linear layer; gives their number.

    `same_rows` names tensors that have the rows of another one where the graph does not show it.
    """
    rewriter = _Rewriter(graph, largest_weight=2 ** (weight_bits - 1) - 1, rows=row_origins(graph, same_rows))
    layers = list(linear_layers(graph))
    for layer in layers:
        rewriter.rewrite(layer)
    graph.use_opset(MICROSOFT, 1)
    graph.prune()
    return len(layers)


def quantise_columns(weight: NDArray[np.float32], largest: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A matrix as integers of at most ±largest and one scale for each column."""
    scale = np.abs(weight).max(axis=0) / np.float32(largest)
    scale[scale == 0] = 1
    return np.rint(weight / scale).astype(np.int8), scale


class _Rewriter:
    def __init__(self, graph: Graph, largest_weight: int, rows: Mapping[str, str]) -> None:
        self._graph = graph
        self._largest_weight = largest_weight
        self._rows = rows
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
