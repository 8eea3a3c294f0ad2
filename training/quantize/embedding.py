"""Embedding tables as int8 with one scale for each row: a quarter of the size, and a token's error is its own."""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from training.quantize.graph import Graph, is_operator

SMALLEST = 1 << 19  # numbers: vocabularies and long position tables; below it nothing is won


def quantise_rows(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """A table as integers of -127..127 and one scale for each row [rows, 1]."""
    scale = np.abs(table).max(axis=1, keepdims=True) / np.float32(127)
    scale[scale == 0] = 1
    return np.rint(table / scale).astype(np.int8), scale


def quantise_embeddings(graph: Graph) -> int:
    """Rewrites each large look-up as Gather(integers) × Gather(scales); gives their number."""
    count = 0
    for node in graph.nodes:
        if not is_operator(node, "Gather") or any(item.name == "axis" and item.i != 0 for item in node.attribute):
            continue
        table = graph.constant(node.input[0])
        if table is None or table.ndim != 2 or table.dtype != np.float32 or table.size < SMALLEST:
            continue
        integers, scales = quantise_rows(table)
        (rows,) = graph.add("Gather", [graph.add_constant("embedding_int8", integers), node.input[1]])
        (scale,) = graph.add("Gather", [graph.add_constant("embedding_scale", scales), node.input[1]])
        (floats,) = graph.add("Cast", [rows], to=onnx.TensorProto.FLOAT)
        graph.add("Mul", [floats, scale], output=node.output[0])
        count += 1
    graph.prune()
    return count
