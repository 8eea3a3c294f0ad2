"""Reads a Hugging Face-layout folder and writes the quantised one beside it, ready to serve."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

import onnx

from training.quantize.errors import QuantiseError
from training.quantize.schemes import DEFAULT, SCHEMES

# Where Hugging Face Optimum and transformers.js put the fp32 graph.
_MODEL_FILES = ("model.onnx", "onnx/model.onnx")
_TARGET_FILE = "model.onnx"
_CARD = "serval.json"
# Weights in other formats and other graphs of the same model: of no use to a server.
_LEFT_OUT = (".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".onnx.data", ".onnx_data")


def find_model(folder: Path) -> Path:
    """The fp32 graph of a folder. Raises QuantiseError when there is none, or it lies outside."""
    if not folder.is_dir():
        raise QuantiseError(f"{folder}: not a folder")
    for name in _MODEL_FILES:
        path = folder / name
        if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
            raise QuantiseError(f"{path}: a symbolic link out of the folder; copy the file into it")
        if path.is_file():
            return path
    raise QuantiseError(f"{folder}: no {' or '.join(_MODEL_FILES)}")


def quantize_folder(source: Path, target: Path, scheme: str = DEFAULT) -> Path:
    """
    Writes the model of `source`, compressed by `scheme`, and every other file that serving needs into `target`.

    `serval.json` keeps what it says and gains `model_file` and `sha256`. The target appears only when it is complete;
    files that it already holds and the source lacks (golden.json, card.md) stay. Returns the model's path.
    Raises QuantiseError with what to change.
    """
    if scheme not in SCHEMES:
        raise QuantiseError(f"no scheme {scheme!r}; there are {', '.join(SCHEMES)}")
    model_file = find_model(source)
    if target.resolve() == source.resolve():
        raise QuantiseError(f"{target}: the target is the source; name another folder")
    _check_files(source)
    try:
        model = SCHEMES[scheme](model_file)
        onnx.checker.check_model(model)
    except QuantiseError:
        raise
    except Exception as error:  # ONNX, ONNX Runtime and protobuf share no narrower class for a graph they cannot read
        raise QuantiseError(f"{model_file}: {error}") from error
    _sign(model, scheme)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as staging:
        staged = Path(staging)
        onnx.save(model, staged / _TARGET_FILE)
        _copy_files(source, staged)
        _write_card(source, staged)
        target.mkdir(exist_ok=True)
        for path in sorted(staged.rglob("*")):
            if path.is_file():
                place = target / path.relative_to(staged)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, place)
    return target / _TARGET_FILE


def _sign(model: onnx.ModelProto, scheme: str) -> None:
    """Says who made the file and how, and drops what exporters note of their machine (stack traces with its paths)."""
    model.producer_name, model.producer_version, model.doc_string = "serval quantize", "", scheme
    del model.metadata_props[:], model.graph.metadata_props[:]
    for node in model.graph.node:
        node.ClearField("doc_string")
        del node.metadata_props[:]


def _check_files(source: Path) -> None:
    root = source.resolve()
    for path in source.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise QuantiseError(f"{path}: a symbolic link out of the folder; copy the file into it")


def _copy_files(source: Path, staged: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and path.name != _CARD and not path.name.endswith(_LEFT_OUT):
            place = staged / path.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)


def _write_card(source: Path, staged: Path) -> None:
    card = source / _CARD
    try:
        content = json.loads(card.read_text("utf-8")) if card.is_file() else {}
    except json.JSONDecodeError as error:
        raise QuantiseError(f"{card}: not JSON: {error}") from error
    digest = hashlib.sha256((staged / _TARGET_FILE).read_bytes()).hexdigest()
    content |= {"model_file": _TARGET_FILE, "sha256": {_TARGET_FILE: digest}}
    (staged / _CARD).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
