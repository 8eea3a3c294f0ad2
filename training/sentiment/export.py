"""Writes a trained encoder as a Hugging Face folder with an fp32 ONNX graph: the input of the quantiser."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from training.sentiment.encoder import MAX_TOKENS, SentimentEncoder, base_tokenizer
from training.sentiment.labels import LABELS

OPSET = 18
GRAPH_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_encoder(model: SentimentEncoder, folder: Path) -> None:
    """The model must be built with eager attention: its plain MatMuls are what the quantiser and the fusions know."""
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    example = torch.tensor([[101, 2023, 2003, 2307, 102], [101, 3449, 102, 0, 0]])
    inputs = (example, (example != 0).long(), torch.zeros_like(example))
    axes = {name: {0: "batch", 1: "tokens"} for name in GRAPH_INPUTS} | {"logits": {0: "batch"}}
    export_graph(model, inputs, folder / "model.onnx", GRAPH_INPUTS, axes)
    save_file(model.state_dict(), folder / "model.safetensors")
    config = model.bert.config.to_dict() | label_config() | {"architectures": [type(model).__name__], "classifier_pooling": "mean"}
    write_json(folder / "config.json", config)
    base_tokenizer().save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", tokenizer_config())


def export_graph(
    model: nn.Module,
    inputs: tuple[Tensor, ...],
    path: Path,
    input_names: tuple[str, ...],
    dynamic_axes: dict[str, dict[int, str]],
) -> None:
    torch.onnx.export(
        model,
        inputs,
        str(path),
        input_names=list(input_names),
        output_names=["logits"],
        dynamic_axes=dynamic_axes,
        opset_version=OPSET,
        dynamo=False,
    )


def label_config() -> dict[str, object]:
    return {
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: index for index, label in enumerate(LABELS)},
        "problem_type": "single_label_classification",
    }


def tokenizer_config() -> dict[str, object]:
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "model_max_length": MAX_TOKENS,
        "model_input_names": list(GRAPH_INPUTS),
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
        "pad_token": "[PAD]",
        "sep_token": "[SEP]",
        "unk_token": "[UNK]",
    }


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
