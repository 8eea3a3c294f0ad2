"""What others ship, for comparison: dynamic int8 and MatMulNBits."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

from training.quantize.embedding import quantise_embeddings
from training.quantize.fusions import fuse
from training.quantize.graph import Graph

logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)  # or a line for every node
_INT8_ARITHMETIC = 4  # MatMulNBits' accuracy_level: quantise the activations to int8, block by block


def dynamic_int8(model_file: Path) -> onnx.ModelProto:
    """onnxruntime's quantize_dynamic with its defaults for int8 weights, on the graph as it was exported."""
    logging.disable(logging.WARNING)  # it tells every tensor that it passes
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        quantize_dynamic(model_file, target, weight_type=QuantType.QInt8)
        return onnx.load(target)


def matmul_nbits(model_file: Path, block: int) -> onnx.ModelProto:
    """Weights of 8 bits with a scale for each block of inputs; embeddings as in the per-token scheme."""
    quantizer = MatMulNBitsQuantizer(
        fuse(model_file).model, bits=8, block_size=block, is_symmetric=True, accuracy_level=_INT8_ARITHMETIC
    )
    quantizer.process()
    graph = Graph(quantizer.model.model)
    quantise_embeddings(graph)
    return graph.model
