import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from training.images.export import export_onnx
from training.images.inference import ServedModel
from training.images.model_folder import GoldenSample, Provenance, write_config, write_golden, write_serval_json


def small_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3))


def test_the_exported_model_equals_pytorch_in_any_batch(tmp_path: Path) -> None:
    network, pixels = small_network().eval(), torch.rand(5, 1, 8, 8)
    export_onnx(network, pixels[:2], tmp_path / "model.onnx")
    served = ServedModel(tmp_path / "model.onnx")
    for items in (1, 5):
        assert np.abs(served.logits(pixels[:items].numpy()) - network(pixels[:items]).detach().numpy()).max() < 1e-5


def test_the_exported_model_folds_batch_normalisation_and_names_no_machine(tmp_path: Path) -> None:
    export_onnx(small_network(), torch.rand(2, 1, 8, 8), tmp_path / "model.onnx")
    operators = {node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node}
    assert "BatchNormalization" not in operators
    content = (tmp_path / "model.onnx").read_bytes()
    assert b"site-packages" not in content and b".py" not in content


def test_serval_json_holds_the_hash_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"weights")
    write_serval_json(tmp_path, Provenance("what", "Apache-2.0", "where", {"accuracy": 0.98765}))
    content = json.loads((tmp_path / "serval.json").read_text())
    assert content["sha256"] == {"model.onnx": hashlib.sha256(b"weights").hexdigest()}
    assert content["metrics"] == {"accuracy": 0.9877}


def test_golden_json_holds_every_score_in_order(tmp_path: Path) -> None:
    write_golden(tmp_path, "PyTorch", 1e-4, [GoldenSample("golden/a.png", np.float32([0.1234567, 0.8765433]))])
    assert json.loads((tmp_path / "golden.json").read_text()) == {
        "reference": "PyTorch",
        "tolerance": 1e-4,
        "samples": [{"input": {"image": "golden/a.png"}, "scores": [0.123457, 0.876543]}],
    }


def test_two_labels_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="unique"):
        write_config(tmp_path, ["crane", "crane"], "Network", "network")
