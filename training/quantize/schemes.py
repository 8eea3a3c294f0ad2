"""The ways to compress a graph that the tool knows, each from an fp32 export to a model; the first is the export."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx

from training.quantize.baselines import dynamic_int8, matmul_nbits
from training.quantize.biases import fold_residual_biases
from training.quantize.embedding import quantise_embeddings
from training.quantize.errors import NothingToQuantiseError
from training.quantize.fusions import approximate_gelu, fuse
from training.quantize.per_token import quantise_per_token
from training.quantize.token_major import lay_out_token_major

DEFAULT = "per-token-int8"


def _per_token(model_file: Path, weight_bits: int) -> onnx.ModelProto:
    graph = fuse(model_file)
    approximate_gelu(graph)
    fold_residual_biases(graph)
    same_rows = lay_out_token_major(graph)
    if quantise_per_token(graph, weight_bits, same_rows) == 0:
        raise NothingToQuantiseError(model_file)
    quantise_embeddings(graph)
    return graph.model


SCHEMES: dict[str, Callable[[Path], onnx.ModelProto]] = {
    "fp32": onnx.load,
    "fp32-fused": lambda model_file: fuse(model_file).model,
    "dynamic-int8": dynamic_int8,
    "nbits-8-block-128": lambda model_file: matmul_nbits(model_file, 128),
    "nbits-8-block-64": lambda model_file: matmul_nbits(model_file, 64),
    "per-token-int8-full-range": lambda model_file: _per_token(model_file, weight_bits=8),
    DEFAULT: lambda model_file: _per_token(model_file, weight_bits=7),
}
