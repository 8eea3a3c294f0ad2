"""Writes a trained network as a Hugging Face folder with an fp32 ONNX graph."""

import json
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from training.sentiment.encoder import BASE_NAME, MAX_TOKENS, SentimentEncoder, base_tokenizer
from training.sentiment.labels import LABELS
from training.sentiment.lstm import PADDING, PADDING_ID, UNKNOWN, WORDS, SentimentLstm

OPSET = 18
GRAPH_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export_encoder(model: SentimentEncoder, folder: Path) -> None:
    """The quantiser's input. The model must be built with eager attention: its plain MatMuls are what the fusions know."""
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    example = torch.tensor([[101, 2023, 2003, 2307, 102], [101, 3449, 102, 0, 0]])
    inputs = (example, (example != 0).long(), torch.zeros_like(example))
    axes = {name: {0: "batch", 1: "tokens"} for name in GRAPH_INPUTS} | {"logits": {0: "batch"}}
    export_graph(model, inputs, GraphNames(GRAPH_INPUTS, "logits", axes), folder / "model.onnx")
    save_file(model.state_dict(), folder / "model.safetensors")
    network = {"architectures": [type(model).__name__], "classifier_pooling": "mean", "_name_or_path": BASE_NAME}
    write_json(folder / "config.json", model.bert.config.to_dict() | label_config() | network)
    base_tokenizer().save(str(folder / "tokenizer.json"))
    write_json(folder / "tokenizer_config.json", tokenizer_config())


def export_lstm(model: SentimentLstm, tokenizer: Tokenizer, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    model.eval()
    example = torch.zeros((2, WORDS), dtype=torch.int64)
    example[:, 0] = 1
    axes = {"input_ids": {0: "batch"}, "probabilities": {0: "batch"}}
    export_graph(model, (example,), GraphNames(("input_ids",), "probabilities", axes), folder / "model.onnx")
    config = {"architectures": [type(model).__name__], "model_type": "lstm", "vocab_size": tokenizer.get_vocab_size()}
    write_json(folder / "config.json", config | {"pad_token_id": PADDING_ID} | label_config())
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"model_max_length": WORDS, "pad_token": PADDING, "unk_token": UNKNOWN, "do_lower_case": True}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"} | special)


class GraphNames(NamedTuple):
    inputs: tuple[str, ...]
    output: str
    axes: dict[str, dict[int, str]]
    """The dynamic axes of each input and output."""


def export_graph(model: nn.Module, inputs: tuple[Tensor, ...], names: GraphNames, path: Path) -> None:
    torch.onnx.export(
        model,
        inputs,
        str(path),
        input_names=list(names.inputs),
        output_names=[names.output],
        dynamic_axes=names.axes,
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
