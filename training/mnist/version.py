"""One version's folder, from the fit to the card."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from training.images.evaluation import Evaluation
from training.images.export import export_onnx
from training.images.fit import LabelledImages, Recipe, accuracy, fit, turned_and_shifted
from training.images.inference import Scores, ServedModel
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
from training.mnist.card import Figures, card
from training.mnist.digits import LABELS, PACKAGE, SIDE, Digits, Split
from training.mnist.networks import ConvolutionalNetwork, DenseNetwork

TOLERANCE = 1e-4

PREPROCESSOR_CONFIG = {
    "do_resize": True,
    "size": {"height": SIDE, "width": SIDE},
    "resample": int(Image.Resampling.BILINEAR),
    "do_center_crop": False,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": False,
    "do_convert_rgb": False,
    "num_channels": 1,
}


@dataclass(frozen=True)
class Version:
    number: int
    build: Callable[[], nn.Module]
    model_type: str
    shape: str
    recipe: Recipe


VERSIONS = (
    Version(1, DenseNetwork, "dense", "784-256-10, ReLU", Recipe(epochs=40, learning_rate=3e-3)),
    Version(
        2,
        ConvolutionalNetwork,
        "convolutional",
        "three 3×3 convolutions of 32, 64 and 64 filters with two 2×2 max-poolings between them, dense 64-10, ReLU",
        Recipe(epochs=30, learning_rate=3e-3),
    ),
)


def build_version(folder: Path, version: Version, parts: Split) -> Evaluation:
    folder.mkdir(parents=True, exist_ok=True)
    validation = labelled(parts.validation)
    model = fit(version.build, labelled(parts.train), validation, version.recipe, augmented)
    export_onnx(model, labelled(parts.validation[:2]).pixels, folder / MODEL_FILE)
    write_config(folder, LABELS, type(model).__name__, version.model_type)
    write_preprocessor_config(folder, PREPROCESSOR_CONFIG)
    reference = f"PyTorch {torch.__version__.split('+')[0]}, fp32, on the pixels of the PNG files read with Pillow"
    write_golden(folder, reference, TOLERANCE, golden_samples(folder, model, parts.test))

    predicted = ServedModel(folder / MODEL_FILE).labels(labelled(parts.test).pixels.numpy())
    evaluation = Evaluation.of(LABELS, parts.test.labels, predicted)
    evaluation.picture(folder / "confusion.png")
    metrics = {"accuracy": evaluation.accuracy, "macro_f1": evaluation.macro_f1}
    write_serval_json(folder, Provenance(
        description=f"Handwritten digits, 28×28, white ink on black: {version.model_type} network",
        licence="Apache-2.0",
        source=f"trained here on the digits of npm {PACKAGE} (MIT)",
        metrics=metrics,
    ))  # fmt: skip
    figures = Figures(evaluation, accuracy(model, validation), sum(p.numel() for p in model.parameters()), (folder / MODEL_FILE).stat().st_size)
    (folder / "card.md").write_text(card(version.number, version.shape, version.recipe, figures), "utf-8")
    return evaluation


def golden_samples(folder: Path, model: nn.Module, test: Digits) -> list[GoldenSample]:
    """Of each label the first two held-out digits, and the one that the network is least sure of: its scores tell most."""
    (folder / "golden").mkdir(exist_ok=True)
    preprocessor = Preprocessor.from_folder(folder)
    surest = scores(model, labelled(test).pixels).max(axis=1)
    samples = []
    for label in range(len(LABELS)):
        rows = np.flatnonzero(test.labels == label)
        for name, row in (("1", rows[0]), ("2", rows[1]), ("hard", rows[surest[rows].argmin()])):
            image = f"golden/{label}-{name}.png"
            Image.fromarray(test.pixels[row]).save(folder / image, optimize=True)
            samples.append(GoldenSample(image, scores(model, torch.from_numpy(preprocessor.read(folder / image))[None])[0]))
    return samples


@torch.no_grad()
def scores(model: nn.Module, pixels: Tensor) -> Scores:
    return model(pixels).softmax(dim=1).numpy()


def labelled(digits: Digits) -> LabelledImages:
    """Equal to what the preprocessor makes of a digit's PNG."""
    pixels = torch.from_numpy(digits.pixels.astype(np.float32) * np.float32(1 / 255))
    return LabelledImages(pixels[:, None], torch.from_numpy(digits.labels))


def augmented(pixels: Tensor) -> Tensor:
    return turned_and_shifted(pixels, degrees=12, shift=0.07, scale=0.1)
