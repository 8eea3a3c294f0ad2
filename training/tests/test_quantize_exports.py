"""Whole exports of tiny random transformers, as different exporters and architectures write them."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from training.quantize.fusions import fuse
from training.quantize.schemes import SCHEMES

SIZES = {"vocab_size": 4096, "num_labels": 3, "attn_implementation": "eager", "hidden_act": "gelu"}
WIDTHS = {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256}
Feed = dict[str, np.ndarray]


def bert() -> nn.Module:
    return BertForSequenceClassification(BertConfig(**SIZES, **WIDTHS))


def roberta() -> nn.Module:
    return RobertaForSequenceClassification(RobertaConfig(**SIZES, **WIDTHS))


def distilbert() -> nn.Module:
    widths = {"dim": 128, "n_layers": 2, "n_heads": 4, "hidden_dim": 256, "activation": "gelu"}
    return DistilBertForSequenceClassification(DistilBertConfig(**SIZES, **widths))


class HiddenStates(nn.Module):
    """As sentence embedding models are exported: the activations of all tokens are an output."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = BertModel(BertConfig(**SIZES, **WIDTHS), add_pooling_layer=False)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        return self.bert(input_ids, attention_mask).last_hidden_state


class MaskedFill(nn.Module):
    """Attention as DistilBERT and others wrote it for years: masked_fill, and the scale on the query."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(4096, 128)
        self.query, self.key, self.value, self.out = (nn.Linear(128, 128) for _ in range(4))
        self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 3)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        items, tokens = input_ids.shape
        x = self.words(input_ids)
        query, key, value = (
            layer(x).view(items, tokens, 4, 32).transpose(1, 2) for layer in (self.query, self.key, self.value)
        )
        scores = (query / 32**0.5) @ key.transpose(2, 3)
        hidden = (attention_mask == 0).view(items, 1, 1, tokens).expand_as(scores)
        weights = scores.masked_fill(hidden, torch.finfo(torch.float32).min).softmax(-1)
        context = (weights @ value).transpose(1, 2).contiguous().view(items, tokens, 128)
        return self.head(self.norm(self.out(context) + x)[:, 0])


def export(network: nn.Module, path: Path, opset: int = 18, dynamo: bool = False) -> Path:
    torch.manual_seed(0)
    for parameter in network.parameters():  # the library's own start leaves biases at 0 and scores close to each other
        nn.init.normal_(parameter, std=0.05 if parameter.ndim > 1 else 0.3)
    ids = torch.randint(3, 4096, (2, 6))
    names = ["input_ids", "attention_mask"]
    axes = {name: {0: "batch", 1: "tokens"} for name in names} | {"output": {0: "batch"}}
    torch.onnx.export(
        network.eval(),
        (ids, torch.ones_like(ids)),
        path,
        input_names=names,
        output_names=["output"],
        dynamic_axes=axes,
        opset_version=opset,
        dynamo=dynamo,
    )
    return path


def session(path: Path, scheme: str) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(SCHEMES[scheme](path).SerializeToString())


def feed(items: int, tokens: int, seed: int = 0) -> Feed:
    random = np.random.default_rng(seed)
    return {"input_ids": random.integers(3, 4096, (items, tokens)), "attention_mask": np.ones((items, tokens), np.int64)}


def padded(item: Feed, tokens: int, filler: int) -> Feed:
    missing = ((0, 0), (0, tokens - item["input_ids"].shape[1]))
    return {
        "input_ids": np.pad(item["input_ids"], missing, constant_values=filler),
        "attention_mask": np.pad(item["attention_mask"], missing),
    }


@pytest.fixture(scope="module")
def bert_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(bert(), tmp_path_factory.mktemp("bert") / "model.onnx")


@pytest.mark.parametrize("make", [bert, roberta, distilbert])
@pytest.mark.parametrize(("opset", "dynamo"), [(14, False), (18, False), (18, True)])
def test_every_export_fuses_to_the_same_few_nodes_and_answers_the_same(
    tmp_path: Path, make: type[nn.Module], opset: int, dynamo: bool
) -> None:
    path = export(make(), tmp_path / "model.onnx", opset, dynamo)
    operators = Counter(node.op_type for node in fuse(path).nodes)
    assert operators["MultiHeadAttention"] == 2 and operators["Gelu"] == 2
    assert operators["LayerNormalization"] == 5
    assert not operators.keys() & {"Erf", "Softmax", "ReduceMean", "Transpose"}
    given = feed(3, 9)
    given["attention_mask"][1, 5:] = 0
    expected = session(path, "fp32").run(None, given)[0]
    assert np.abs(session(path, "fp32-fused").run(None, given)[0] - expected).max() < 2e-5
    moved = np.abs(session(path, "per-token-int8").run(None, given)[0] - expected)
    assert moved.max() < 0.05 * np.abs(expected).max()


def test_attention_by_masked_fill_is_fused_too(tmp_path: Path) -> None:
    path = export(MaskedFill(), tmp_path / "model.onnx", opset=14)
    operators = Counter(node.op_type for node in fuse(path).nodes)
    assert operators["MultiHeadAttention"] == 1 and not operators.keys() & {"Softmax", "Where", "Equal"}
    given = feed(3, 9)
    given["attention_mask"][1, 5:] = 0
    expected = session(path, "fp32").run(None, given)[0]
    assert np.abs(session(path, "fp32-fused").run(None, given)[0] - expected).max() < 2e-5
    assert np.abs(session(path, "per-token-int8").run(None, given)[0] - expected).max() < 0.05 * np.abs(expected).max()


def test_attention_that_is_not_recognised_stays_in_float(tmp_path: Path) -> None:
    network = BertForSequenceClassification(BertConfig(**SIZES | {"attn_implementation": "sdpa"}, **WIDTHS))
    path = export(network, tmp_path / "model.onnx")
    given = feed(3, 9)
    given["attention_mask"][1, 5:] = 0
    expected = session(path, "fp32").run(None, given)[0]
    assert np.abs(session(path, "per-token-int8").run(None, given)[0] - expected).max() < 0.05 * np.abs(expected).max()


def test_every_linear_layer_of_an_export_is_rewritten(bert_export: Path) -> None:
    operators = Counter(node.op_type for node in SCHEMES["per-token-int8"](bert_export).graph.node)
    assert operators["MatMulIntegerToFloat"] == 2 * 6 + 1  # query, key, value, output, two of the MLP; the pooler
    assert operators["QuantizeLinear"] == 2 * 4 + 1
    assert operators["MatMul"] == 0
    assert operators["FastGelu"] == 2 and operators["Gelu"] == 0
    assert operators["Transpose"] <= 2 + 2  # one an attention, one before the first layer and one behind the last


def test_an_item_gets_the_same_scores_alone_and_in_a_padded_batch(bert_export: Path) -> None:
    served = session(bert_export, "per-token-int8")
    items = [feed(1, tokens, seed=tokens) for tokens in (3, 17, 9, 30, 5)]
    rows = [padded(item, 30, filler=0) for item in items]
    together = served.run(None, {name: np.concatenate([row[name] for row in rows]) for name in rows[0]})[0]
    for item, found in zip(items, together, strict=True):
        assert np.abs(served.run(None, item)[0][0] - found).max() < 1e-5


def test_what_padding_holds_does_not_matter(bert_export: Path) -> None:
    served = session(bert_export, "per-token-int8")
    first, second = (padded(feed(2, 7), 12, filler) for filler in (0, 999))
    assert np.array_equal(served.run(None, first)[0], served.run(None, second)[0])


def test_an_output_of_all_tokens_keeps_its_layout(tmp_path: Path) -> None:
    path = export(HiddenStates(), tmp_path / "model.onnx")
    given = feed(2, 5)
    expected = session(path, "fp32").run(None, given)[0]
    found = session(path, "per-token-int8").run(None, given)[0]
    assert found.shape == expected.shape == (2, 5, 128)
    assert np.abs(found - expected).mean() < 0.02 * np.abs(expected).mean()


@pytest.mark.parametrize("scheme", ["dynamic-int8", "nbits-8-block-64", "nbits-8-block-128", "per-token-int8-full-range"])
def test_the_schemes_for_comparison_answer_about_the_same(bert_export: Path, scheme: str) -> None:
    given = feed(4, 9)
    expected = session(bert_export, "fp32").run(None, given)[0]
    assert np.abs(session(bert_export, scheme).run(None, given)[0] - expected).max() < 0.1 * np.abs(expected).max()
