"""The reference of image preprocessing: Hugging Face's preprocessor_config.json carried out with Pillow.

Order of the steps, which the server follows: EXIF orientation, transparency composited on white, colour conversion,
resize, centre crop, rescale, normalise. The result is [channels, height, width], float32.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.float32]

SIXTEEN_BIT_GREY = ("I;16", "I;16L", "I;16B", "I;16N", "I")
"""Pillow's modes of a 16-bit grey PNG ("I" before Pillow 10.3)."""


@dataclass(frozen=True)
class ShortestEdge:
    edge: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        """The long side is cut to an integer, not rounded, as Hugging Face and torchvision do."""
        if width <= height:
            return self.edge, int(self.edge * height / width)
        return int(self.edge * width / height), self.edge


@dataclass(frozen=True)
class Exactly:
    width: int
    height: int

    def of(self, width: int, height: int) -> tuple[int, int]:
        return self.width, self.height


@dataclass(frozen=True)
class Preprocessor:
    resize: ShortestEdge | Exactly | None
    resample: Image.Resampling
    crop: Exactly | None
    rescale_factor: float | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    channels: int

    @classmethod
    def from_folder(cls, folder: Path) -> "Preprocessor":
        return cls.from_config(json.loads((folder / "preprocessor_config.json").read_text("utf-8")))

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Preprocessor":
        """A step whose `do_…` key is absent is done if its values are there; rescaling is done unless it is forbidden.

        Without `resample` the resize is bilinear, the default of most Hugging Face processors.
        """
        normalise = config.get("do_normalize", "image_mean" in config)
        return cls(
            resize=_resize(config["size"]) if config.get("do_resize", "size" in config) else None,
            resample=Image.Resampling(config.get("resample", Image.Resampling.BILINEAR)),
            crop=_exactly(config["crop_size"]) if config.get("do_center_crop", "crop_size" in config) else None,
            rescale_factor=config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else None,
            mean=tuple(config["image_mean"]) if normalise else None,
            std=tuple(config["image_std"]) if normalise else None,
            channels=config.get("num_channels", 3),
        )

    def pixels(self, image: Image.Image) -> Pixels:
        return self.normalised(self.framed(opaque(ImageOps.exif_transpose(image), self.channels)))

    def read(self, path: Path) -> Pixels:
        with Image.open(path) as image:
            return self.pixels(image)

    def framed(self, image: Image.Image) -> Image.Image:
        if self.resize is not None:
            image = image.resize(self.resize.of(*image.size), self.resample)
        if self.crop is not None:
            left = (image.width - self.crop.width) // 2
            top = (image.height - self.crop.height) // 2
            image = image.crop((left, top, left + self.crop.width, top + self.crop.height))
        return image

    def normalised(self, image: Image.Image) -> Pixels:
        pixels: Pixels = np.asarray(image, dtype=np.float32).reshape(image.height, image.width, self.channels)
        if self.rescale_factor is not None:
            pixels = pixels * np.float32(self.rescale_factor)
        if self.mean is not None and self.std is not None:
            pixels = (pixels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def opaque(image: Image.Image, channels: int) -> Image.Image:
    """The image in RGB or grey, 8 bits a channel. CMYK becomes RGB by Pillow's plain formula, without a colour profile."""
    if image.mode in SIXTEEN_BIT_GREY:
        # Pillow's own conversion would clip every value above 255 to white.
        image = Image.fromarray((np.asarray(image, dtype=np.uint32) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    return image.convert("L" if channels == 1 else "RGB")


def _resize(size: Mapping[str, int]) -> ShortestEdge | Exactly:
    return ShortestEdge(size["shortest_edge"]) if "shortest_edge" in size else _exactly(size)


def _exactly(size: Mapping[str, int]) -> Exactly:
    return Exactly(width=size["width"], height=size["height"])
