import argparse
import hashlib
import json
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from training.quantize.cli import add_arguments, run
from training.quantize.errors import QuantiseError
from training.quantize.folder import quantize_folder
from training.quantize.schemes import SCHEMES

WIDTH = 128
LABELS = {"0": "negative", "1": "positive"}


def write_model(path: Path, weight: np.ndarray) -> None:
    """Scores of a bag of words: an embedding, its sum over the tokens, two linear layers."""
    random = np.random.default_rng(0)
    constants = {
        "table": (random.standard_normal((4200, WIDTH)) * (np.arange(4200) > 0)[:, None] / WIDTH).astype(np.float32),
        "hidden": weight,
        "head": random.standard_normal((weight.shape[1], 2)).astype(np.float32),
        "axes": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["words"]),
        helper.make_node("ReduceSum", ["words", "axes"], ["bag"], keepdims=0),
        helper.make_node("MatMul", ["bag", "hidden"], ["h"], doc_string="File /home/somebody/model.py"),
        helper.make_node("MatMul", ["h", "head"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("input_ids", onnx.TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    write_model(folder / "model.onnx", np.random.default_rng(1).standard_normal((WIDTH, WIDTH)).astype(np.float32))
    (folder / "config.json").write_text(json.dumps({"id2label": LABELS}))
    (folder / "tokenizer.json").write_text(tokenizer_json())
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 32}))
    (folder / "model.safetensors").write_bytes(b"fp32 weights")
    return folder


def tokenizer_json() -> str:
    vocabulary = {"[UNK]": 0, "good": 1, "bad": 2, "film": 3}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"}
    return json.dumps({"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model})


def test_the_target_holds_all_that_serving_needs_and_the_hash(source: Path, tmp_path: Path) -> None:
    (source / "serval.json").write_text(json.dumps({"licence": "MIT", "sha256": {"model.onnx": "old"}}))
    model = quantize_folder(source, tmp_path / "out" / "2")
    names = {path.name for path in (tmp_path / "out" / "2").iterdir()}
    assert names == {"model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json", "serval.json"}
    digest = hashlib.sha256(model.read_bytes()).hexdigest()
    card = json.loads((model.parent / "serval.json").read_text())
    assert card == {"licence": "MIT", "model_file": "model.onnx", "sha256": {"model.onnx": digest}}
    assert model.stat().st_size < 0.35 * (source / "model.onnx").stat().st_size


def test_a_model_in_the_onnx_folder_is_found_and_moves_up(source: Path, tmp_path: Path) -> None:
    (source / "onnx").mkdir()
    (source / "model.onnx").rename(source / "onnx" / "model.onnx")
    assert quantize_folder(source, tmp_path / "out") == tmp_path / "out" / "model.onnx"
    assert not (tmp_path / "out" / "onnx").exists()


def test_what_the_target_had_besides_stays(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "golden.json").write_text("{}")
    quantize_folder(source, tmp_path / "out")
    assert (tmp_path / "out" / "golden.json").read_text() == "{}"


def test_the_model_names_nobody_s_machine_and_is_the_same_each_time(source: Path, tmp_path: Path) -> None:
    first, second = (quantize_folder(source, tmp_path / name).read_bytes() for name in ("a", "b"))
    assert first == second
    assert b"somebody" not in first


def test_a_graph_without_linear_layers_is_a_clear_error(source: Path, tmp_path: Path) -> None:
    write_model(source / "model.onnx", np.ones((WIDTH, 4), np.float32))
    with pytest.raises(QuantiseError, match="no MatMul or Gemm with a constant fp32 matrix"):
        quantize_folder(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "no model.onnx or onnx/model.onnx"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"not a graph"), "model.onnx"),
        (lambda folder: (folder / "serval.json").write_text("{"), "not JSON"),
        (lambda folder: (folder / "merges.txt").symlink_to("/etc/hostname"), "symbolic link out of the folder"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why_and_leaves_nothing(
    source: Path, tmp_path: Path, spoil: object, message: str
) -> None:
    spoil(source)
    with pytest.raises(QuantiseError, match=message):
        quantize_folder(source, tmp_path / "out")
    assert os.listdir(tmp_path) == ["source"]


def test_a_missing_folder_an_unknown_scheme_and_the_source_as_target_are_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(QuantiseError, match="not a folder"):
        quantize_folder(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(QuantiseError, match="no scheme 'int3'; there are fp32"):
        quantize_folder(source, tmp_path / "out", "int3")
    with pytest.raises(QuantiseError, match="the target is the source"):
        quantize_folder(source, source / "." / "../source")


def arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(words)


def test_the_command_writes_beside_the_source_and_ends_with_a_sentence_on_an_error(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(arguments(str(source)))
    assert (source.with_name("source-per-token-int8") / "model.onnx").is_file()
    assert "per-token-int8" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="error: .*not a folder"):
        run(arguments(str(source / "nowhere")))


def test_the_comparison_measures_every_scheme(source: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    texts = [("good film", "positive"), ("bad film bad", "negative"), ("film", "negative")] * 7
    data.write_text("\n".join(json.dumps({"text": text, "label": label}) for text, label in texts))
    run(arguments(str(source), "--compare", "--data", str(data), "--out", str(tmp_path / "comparison")))
    report = json.loads((tmp_path / "comparison" / "comparison.json").read_text())
    assert list(report["schemes"]) == list(SCHEMES)
    served = report["schemes"]["per-token-int8"]
    assert served["in_random_batches_of_16"] == {"label_flips": 0, "flips_percent": 0.0, "largest_score_move": 0.0}
    assert served["against_fp32"]["largest_score_move"] < 0.2
    table = (tmp_path / "comparison" / "comparison.md").read_text()
    assert all(f"| {name} |" in table for name in SCHEMES)
