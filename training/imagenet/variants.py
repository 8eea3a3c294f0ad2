"""The golden files: photographs as they are published, and the same in other encodings, sizes and orientations."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from PIL.Image import Transpose

from training.imagenet.sources import PHOTOGRAPHS, Photograph

Change = Callable[[Image.Image], Image.Image]

STORED_AS = {3: Transpose.ROTATE_180, 5: Transpose.TRANSPOSE, 6: Transpose.ROTATE_90, 8: Transpose.ROTATE_270}
"""How a camera stores an upright picture under an EXIF orientation: the inverse of what the reader has to do."""


@dataclass(frozen=True)
class Variant:
    file: str
    photograph: str
    kind: str
    encode: Callable[[Photograph], bytes]

    @property
    def source(self) -> Photograph:
        return PHOTOGRAPHS[self.photograph]


def as_published(photograph: Photograph) -> bytes:
    return photograph.path.read_bytes()


def encoded(format: str, *changes: Change, **options: Any) -> Callable[[Photograph], bytes]:
    def encode(photograph: Photograph) -> bytes:
        image = photograph.image()
        for change in changes:
            image = change(image)
        file = io.BytesIO()
        image.save(file, format, **options)
        return file.getvalue()

    return encode


def turned_by_exif(format: str, orientation: int, **options: Any) -> Callable[[Photograph], bytes]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return encoded(format, lambda image: image.transpose(STORED_AS[orientation]), exif=exif, **options)


def mode(name: str) -> Change:
    return lambda image: image.convert(name)


def resized(width: int, height: int) -> Change:
    return lambda image: image.resize((width, height), Image.Resampling.LANCZOS)


def cropped(left: int, top: int, width: int, height: int) -> Change:
    return lambda image: image.crop((left, top, left + width, top + height))


def enlarged_with_grain(width: int, height: int) -> Change:
    """Grain is detail of one pixel, which an enlarged photograph lacks and a camera's has."""
    def change(image: Image.Image) -> Image.Image:
        smooth = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)
        grain = np.random.default_rng(0).normal(0, 5, smooth.shape[:2]).astype(np.float32)
        return Image.fromarray(np.clip(np.rint(smooth + grain[..., None]), 0, 255).astype(np.uint8))

    return change


def faded_to_transparent(image: Image.Image) -> Image.Image:
    """Opaque in the middle, transparent in the corners, half transparent between."""
    y, x = np.ogrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    alpha = np.clip(1.6 - np.hypot(x, y) * 1.2, 0, 1)
    faded = image.copy()
    faded.putalpha(Image.fromarray(np.rint(alpha * 255).astype(np.uint8)))
    return faded


def palette(image: Image.Image) -> Image.Image:
    return image.quantize(256, dither=Image.Dither.NONE)


def palette_with_transparent_frame(image: Image.Image) -> Image.Image:
    """Colour 255 is transparent, and fills a frame around the picture."""
    paletted = image.quantize(255, dither=Image.Dither.NONE)
    indices = np.full((image.height, image.width), 255, dtype=np.uint8)
    indices[20:-20, 20:-20] = np.asarray(paletted)[20:-20, 20:-20]
    framed = Image.fromarray(indices, "P")
    framed.putpalette(paletted.getpalette() or [])
    framed.info["transparency"] = 255
    return framed


def sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 257)


def side_by_side(*names: str) -> Change:
    """Several photographs at their full detail in one picture."""
    def change(image: Image.Image) -> Image.Image:
        images = [image, *(PHOTOGRAPHS[name].image().convert("RGB") for name in names)]
        height = min(each.height for each in images)
        strip = Image.new("RGB", (sum(each.width for each in images), height))
        left = 0
        for each in images:
            strip.paste(each.crop((0, 0, each.width, height)), (left, 0))
            left += each.width
        return strip

    return change


VARIANTS = (
    Variant("chelsea.png", "chelsea", "RGB PNG, as published", as_published),
    Variant("coffee.jpg", "coffee", "JPEG 4:4:4", encoded("JPEG", quality=92, subsampling=0)),
    Variant("astronaut.webp", "astronaut", "lossy WebP, part", encoded("WEBP", cropped(130, 180, 300, 332), quality=88)),
    Variant("rocket.jpg", "rocket", "JPEG, as published", as_published),
    Variant("china.jpg", "china", "JPEG, as published", as_published),
    Variant("flower.jpg", "flower", "JPEG, as published", as_published),
    Variant("hubble.jpg", "hubble", "JPEG, as published", as_published),
    Variant("retina.jpg", "retina", "JPEG, as published", as_published),
    Variant("camera-grey.png", "camera", "8-bit grey PNG, as published", as_published),
    Variant("coins-grey.jpg", "coins", "grey JPEG", encoded("JPEG", quality=90)),
    Variant("brick-grey.jpg", "brick", "grey JPEG", encoded("JPEG", quality=85)),
    Variant("gravel.webp", "gravel", "lossy WebP, part", encoded("WEBP", mode("RGB"), cropped(0, 0, 512, 256), quality=75)),
    Variant("clock-16-bit.png", "clock", "16-bit grey PNG", encoded("PNG", sixteen_bit)),
    Variant("camera-grey-alpha.png", "camera", "grey PNG with transparency", encoded("PNG", faded_to_transparent, optimize=True)),
    Variant("chelsea-alpha.png", "chelsea", "RGBA PNG", encoded("PNG", faded_to_transparent, optimize=True)),
    Variant("coffee-alpha.webp", "coffee", "lossy WebP with transparency", encoded("WEBP", faded_to_transparent, quality=85)),
    Variant("flower-palette.png", "flower", "PNG with a palette", encoded("PNG", palette, optimize=True)),
    Variant("rocket-palette-alpha.png", "rocket", "PNG with a palette and a transparent colour", encoded("PNG", palette_with_transparent_frame, optimize=True)),
    Variant("coffee-cmyk.jpg", "coffee", "CMYK JPEG", encoded("JPEG", mode("CMYK"), quality=90)),
    Variant("china-progressive.jpg", "china", "progressive JPEG", encoded("JPEG", quality=85, progressive=True)),
    Variant("astronaut-lossless.webp", "astronaut", "lossless WebP, part", encoded("WEBP", cropped(250, 0, 262, 400), lossless=True)),
    Variant("chelsea-exif-6.jpg", "chelsea", "JPEG, EXIF orientation 6", turned_by_exif("JPEG", 6, quality=92)),
    Variant("rocket-exif-8.jpg", "rocket", "JPEG, EXIF orientation 8", turned_by_exif("JPEG", 8, quality=92)),
    Variant("china-exif-5.png", "china", "PNG, EXIF orientation 5", turned_by_exif("PNG", 5, optimize=True)),
    Variant("coffee-exif-3.webp", "coffee", "WebP, EXIF orientation 3", turned_by_exif("WEBP", 3, quality=88)),
    Variant("coffee-64.png", "coffee", "64×64", encoded("PNG", cropped(100, 0, 400, 400), resized(64, 64), optimize=True)),
    Variant("chelsea-64.jpg", "chelsea", "64×64", encoded("JPEG", cropped(75, 0, 300, 300), resized(64, 64), quality=90)),
    Variant("flower-tall.jpg", "flower", "part, three times as high as wide", encoded("JPEG", cropped(250, 0, 142, 427), quality=90)),
    Variant("china-wide.jpg", "china", "part, over five times as wide as high", encoded("JPEG", cropped(0, 100, 640, 120), quality=90)),
    Variant("strip.jpg", "coffee", "three photographs side by side", encoded("JPEG", side_by_side("chelsea", "rocket"), quality=85)),
    Variant("coffee-12-mp.jpg", "coffee", "12 MP, enlarged, with grain", encoded("JPEG", cropped(33, 0, 534, 400), enlarged_with_grain(4000, 3000), quality=72)),
)  # fmt: skip
