"""`python -m training cifar10 <folder> --out <dir>`: from the official archive to a model folder that Serval serves as it is."""

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from training.cifar10.archive import ARCHIVE, SIDE, Cifar10, Pictures, read_archive
from training.cifar10.card import card
from training.cifar10.network import SmallNetwork
from training.images.evaluation import Evaluation
from training.images.export import export_onnx
from training.images.fit import LabelledImages, Recipe, fit, turned_and_shifted
from training.images.inference import ServedModel
from training.images.model_folder import (
    MODEL_FILE,
    GoldenSample,
    Provenance,
    write_config,
    write_golden,
    write_preprocessor_config,
    write_serval_json,
)
from training.images.preprocess import Preprocessor

GOLDEN_ITEMS = 20
TOLERANCE = 1e-3

PREPROCESSOR_CONFIG = {
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "resample": int(Image.Resampling.BICUBIC),
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.25, 0.25, 0.25],
    "do_convert_rgb": True,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help=f"the folder that holds {ARCHIVE}")
    parser.add_argument("--out", type=Path, required=True, help="the version's folder to write, such as models/cifar10/1")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch")


def run(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    evaluation = build_folder(args.out, read_archive(args.folder), Recipe(epochs=args.epochs, learning_rate=2e-3, batch_items=128))
    print(f"{args.out}: accuracy {evaluation.accuracy:.4f} on {evaluation.items} test pictures")


def build_folder(folder: Path, data: Cifar10, recipe: Recipe) -> Evaluation:
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder, data.labels, SmallNetwork.__name__, "convolutional")
    write_preprocessor_config(folder, PREPROCESSOR_CONFIG)
    preprocessor = Preprocessor.from_folder(folder)
    train, validation, test = (labelled(part, preprocessor) for part in (data.train, data.validation, data.test))
    model = fit(lambda: SmallNetwork(len(data.labels)), train, validation, recipe, augmented)
    export_onnx(model, test.pixels[:2], folder / MODEL_FILE)
    reference = f"PyTorch {torch.__version__.split('+')[0]}, fp32, on the pixels of the PNG files read with Pillow"
    write_golden(folder, reference, TOLERANCE, golden_samples(folder, model, preprocessor, data.test))

    predicted = ServedModel(folder / MODEL_FILE).labels(test.pixels.numpy())
    evaluation = Evaluation.of(data.labels, data.test.labels, predicted)
    evaluation.picture(folder / "confusion.png")
    archive = ARCHIVE if data.official else f"an archive in the format of {ARCHIVE}, but not the official one"
    write_serval_json(folder, Provenance(
        description="Pictures of 32×32 pixels to the classes of CIFAR-10: a small convolutional network",
        licence="Apache-2.0",
        source=f"trained on {archive} (Alex Krizhevsky, 2009)",
        metrics={"accuracy": evaluation.accuracy, "macro_f1": evaluation.macro_f1},
    ))  # fmt: skip
    (folder / "card.md").write_text(card(archive, recipe, evaluation, len(train), len(validation)), "utf-8")
    return evaluation


def labelled(pictures: Pictures, preprocessor: Preprocessor) -> LabelledImages:
    pixels = np.stack([preprocessor.pixels(Image.fromarray(picture)) for picture in pictures.pixels])
    return LabelledImages(torch.from_numpy(pixels), torch.from_numpy(pictures.labels))


def augmented(pixels: Tensor) -> Tensor:
    mirrored = torch.where(torch.rand(len(pixels), 1, 1, 1) < 0.5, pixels.flip(3), pixels)
    return turned_and_shifted(mirrored, degrees=5, shift=0.08, scale=0.1)


def golden_samples(folder: Path, model: nn.Module, preprocessor: Preprocessor, test: Pictures) -> list[GoldenSample]:
    """The first test pictures, as PNG files."""
    (folder / "golden").mkdir(exist_ok=True)
    samples = []
    for number, picture in enumerate(test.pixels[:GOLDEN_ITEMS], start=1):
        image = f"golden/{number:02}.png"
        Image.fromarray(picture).save(folder / image, optimize=True)
        with torch.no_grad():
            logits = model(torch.from_numpy(preprocessor.read(folder / image))[None])
        samples.append(GoldenSample(image, logits.softmax(dim=1)[0].numpy()))
    return samples
