"""CIFAR-10's official archive, cifar-10-python.tar.gz (https://www.cs.toronto.edu/~kriz/cifar.html).

Its batches are pickles of Python 2, and a pickle can run any code when it is read. This reader knows only what the
official batches hold: dictionaries, lists, strings, numbers and numpy arrays.
"""

import hashlib
import pickle
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

ARCHIVE = "cifar-10-python.tar.gz"
OFFICIAL_MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
TRAIN_BATCHES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4")
VALIDATION_BATCHES = ("data_batch_5",)
TEST_BATCHES = ("test_batch",)
SIDE = 32
VALUES = 3 * SIDE * SIDE

# `_reconstruct` lives in numpy.core in the official files, and in numpy._core since numpy 2.
_RECONSTRUCT: Any = np.empty(0).__reduce__()[0]
KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


class ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in KNOWN:
            raise pickle.UnpicklingError(f"a CIFAR-10 batch does not need {module}.{name}: the file was not read further")
        return KNOWN[module, name]


@dataclass(frozen=True)
class Pictures:
    pixels: NDArray[np.uint8]
    """[items, 32, 32, 3]"""
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Cifar10:
    labels: Sequence[str]
    train: Pictures
    validation: Pictures
    test: Pictures
    official: bool
    """Whether the archive is byte for byte the one that CIFAR-10's page offers."""


def read_archive(folder: Path) -> Cifar10:
    """@throws FileNotFoundError if the folder has no archive, ValueError if a batch is not what it should be"""
    path = folder / ARCHIVE
    if not path.is_file():
        raise FileNotFoundError(f"{folder} has no {ARCHIVE}: download it from https://www.cs.toronto.edu/~kriz/cifar.html")
    with tarfile.open(path) as archive:
        labels = [name.decode() for name in _unpickled(archive, "batches.meta")[b"label_names"]]
        return Cifar10(
            labels,
            train=_pictures(archive, TRAIN_BATCHES, len(labels)),
            validation=_pictures(archive, VALIDATION_BATCHES, len(labels)),
            test=_pictures(archive, TEST_BATCHES, len(labels)),
            official=_md5(path) == OFFICIAL_MD5,
        )


def _pictures(archive: tarfile.TarFile, names: Sequence[str], classes: int) -> Pictures:
    batches = [_batch(archive, name, classes) for name in tqdm(names, desc="read batches", leave=False)]
    return Pictures(np.concatenate([each.pixels for each in batches]), np.concatenate([each.labels for each in batches]))


def _batch(archive: tarfile.TarFile, name: str, classes: int) -> Pictures:
    content = _unpickled(archive, name)
    data, labels = content[b"data"], np.array(content[b"labels"], dtype=np.int64)
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.shape != (len(labels), VALUES):
        raise ValueError(f"{name}: data must be uint8 [{len(labels)}, {VALUES}], one row for each label")
    if not ((labels >= 0) & (labels < classes)).all():
        raise ValueError(f"{name}: labels must be from 0 to {classes - 1}")
    return Pictures(data.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1), labels)


def _unpickled(archive: tarfile.TarFile, name: str) -> dict[bytes, Any]:
    """The batches are from Python 2: their strings arrive as bytes."""
    try:
        file = archive.extractfile(f"{FOLDER}/{name}")
    except KeyError:
        file = None
    if file is None:
        raise ValueError(f"{ARCHIVE} has no {FOLDER}/{name}: is it the python version?")
    content = ArrayUnpickler(file, encoding="bytes").load()
    if not isinstance(content, dict):
        raise ValueError(f"{name} must hold a dictionary")
    return content


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
