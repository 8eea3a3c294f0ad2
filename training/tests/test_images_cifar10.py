"""The archive is made here, in the format of the official one: pickles as Python 2 wrote them, inside a .tar.gz."""

import argparse
import io
import json
import os
import pickle
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from training.cifar10 import add_arguments, run
from training.cifar10.archive import ARCHIVE, FOLDER, read_archive
from training.images.inference import ServedModel
from training.images.preprocess import Preprocessor

LABELS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
BATCHES = ["data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"]


class Python2Pickler(pickle._Pickler):
    """Writes text and bytes alike as Python 2's `str`, and numpy's module by the name it had then."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_python2_str(self, value: str | bytes) -> None:
        raw = value if isinstance(value, bytes) else value.encode("latin1")
        self.write(pickle.BINSTRING + struct.pack("<i", len(raw)) + raw)

    dispatch[str] = save_python2_str
    dispatch[bytes] = save_python2_str

    def save_global(self, obj: Any, name: str | None = None) -> None:
        module = obj.__module__.replace("numpy._core", "numpy.core")
        self.write(pickle.GLOBAL + f"{module}\n{obj.__name__}\n".encode())

    dispatch[type] = save_global
    dispatch[type(np.empty(0).__reduce__()[0])] = save_global


def pickled(content: Mapping[bytes, Any]) -> bytes:
    file = io.BytesIO()
    Python2Pickler(file, protocol=2).dump(content)
    return file.getvalue()


def batch(name: str, items: int, seed: int) -> dict[bytes, Any]:
    """Pictures whose red channel tells their label."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, len(LABELS), items)
    data = generator.integers(0, 40, (items, 3, 1024), dtype=np.uint8)
    data[:, 0] += (labels * 20).astype(np.uint8)[:, None]
    files = [f"{name}_{index}.png".encode() for index in range(items)]
    return {b"batch_label": name.encode(), b"labels": labels.tolist(), b"data": data.reshape(items, -1), b"filenames": files}


def write_archive(folder: Path, replaced: Mapping[str, bytes] = {}) -> Path:
    files = {name: pickled(batch(name, 30, seed)) for seed, name in enumerate(BATCHES)}
    files["batches.meta"] = pickled({b"num_cases_per_batch": 30, b"label_names": LABELS, b"num_vis": 3072})
    with tarfile.open(folder / ARCHIVE, "w:gz") as archive:
        for name, content in (files | dict(replaced)).items():
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return folder


def test_reads_every_part_of_the_archive(tmp_path: Path) -> None:
    data = read_archive(write_archive(tmp_path))
    assert (len(data.train), len(data.validation), len(data.test)) == (120, 30, 30)
    assert data.labels == LABELS and not data.official
    expected = batch("test_batch", 30, BATCHES.index("test_batch"))
    assert data.test.labels.tolist() == expected[b"labels"]
    assert np.array_equal(data.test.pixels[7, :, :, 2].ravel(), expected[b"data"][7, 2048:])


def test_a_batch_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.system, (f"touch {tmp_path / 'ran'}",)

    folder = write_archive(tmp_path, {"data_batch_2": pickle.dumps(Harmful(), protocol=2)})
    with pytest.raises(pickle.UnpicklingError, match="does not need"):
        read_archive(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"data": np.zeros((30, 3071), dtype=np.uint8)}, "data must be uint8"),
        ({b"data": np.zeros((30, 3072), dtype=np.float32)}, "data must be uint8"),
        ({b"labels": [10] * 30}, "labels must be from 0 to 9"),
    ],
)
def test_a_batch_of_another_shape_is_refused(tmp_path: Path, change: dict[bytes, Any], message: str) -> None:
    folder = write_archive(tmp_path, {"test_batch": pickled(batch("test_batch", 30, 0) | change)})
    with pytest.raises(ValueError, match=message):
        read_archive(folder)


def test_a_folder_without_the_archive_says_where_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"cs\.toronto\.edu"):
        read_archive(tmp_path)


def test_trains_and_writes_a_complete_model_folder(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "cifar10" / "1"
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    run(parser.parse_args([str(write_archive(tmp_path)), "--out", str(folder), "--epochs", "2"]))

    written = {path.name for path in folder.iterdir()}
    assert written == {"model.onnx", "config.json", "preprocessor_config.json", "golden.json", "golden", "serval.json", "card.md", "confusion.png"}
    assert list(json.loads((folder / "config.json").read_text())["id2label"].values()) == LABELS
    golden = json.loads((folder / "golden.json").read_text())
    served, preprocessor = ServedModel(folder / "model.onnx"), Preprocessor.from_folder(folder)
    assert len(golden["samples"]) == 20
    for sample in golden["samples"]:
        scores = served.scores(preprocessor.read(folder / sample["input"]["image"])[None])[0]
        assert np.abs(scores - sample["scores"]).max() <= golden["tolerance"]
    assert "not the official one" in (folder / "card.md").read_text()
