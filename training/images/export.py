"""From PyTorch to ONNX: `pixel_values` [batch, channels, height, width] to `logits` [batch, labels], the batch axis dynamic."""

import logging
import warnings
from pathlib import Path

import onnx
import torch
from onnx.external_data_helper import uses_external_data
from torch import Tensor, nn

OPSET = 18


def export_onnx(model: nn.Module, example: Tensor, path: Path) -> None:
    """Exports in evaluation mode: the exporter folds BatchNorm and padding into the convolutions.

    @param example: [n, channels, height, width] with n > 1, since a size of one would be taken for a constant.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # It warns that torchvision's operators are unknown (they are not used) and about its own deprecated calls.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            model.eval(),
            (example,),
            input_names=["pixel_values"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise RuntimeError("torch.onnx.export returned no program")
    onnx.save(bare(program.model_proto), path)


def bare(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drops the exporter's traces: they name files of the machine that exported the model."""
    if any(uses_external_data(tensor) for tensor in model.graph.initializer):
        raise ValueError("the weights must be inside the model")
    model.doc_string = ""
    del model.metadata_props[:]
    graph = model.graph
    graph.doc_string = ""
    del graph.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output, *graph.value_info):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model
