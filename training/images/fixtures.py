"""Makes tests/fixtures/images: what Pillow makes of odd files and of many resizes, for the server's unit tests.

    python -m training.images.fixtures tests/fixtures/images

`formats/` holds small files in every encoding that the server decides on. `formats.json` names each with its size after the
EXIF orientation, `formats.bin` holds the RGB bytes, then the grey bytes, that the reference (preprocess.py) makes of it.
`resizes.json` names resizes of `noise` pictures, `resizes.bin` holds the RGB bytes of what their crop keeps.
"""

import json
import random
import struct
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from training.images.preprocess import opaque

Bytes = NDArray[np.uint8]

WIDTH, HEIGHT = 23, 17
"""Odd, so that half-sized chroma, interlacing and packed bits all end in the middle of something."""


def noise(width: int, height: int, channels: int = 3) -> Bytes:
    """The same bytes as tests/fixtures/noise.ts; noise is what rounding and clipping show in first."""
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.uint64)
    mixed = (x * 73_856_093) ^ (y * 19_349_663) ^ (c * 83_492_791)
    return ((mixed & 0xFFFFFFFF) >> 13 & 255).astype(np.uint8)


def photo(channels: int = 3) -> Bytes:
    """Smooth with an edge: a picture that lossy formats keep recognisable."""
    y, x, c = np.mgrid[0:HEIGHT, 0:WIDTH, 0:channels]
    smooth = 40 + 8 * x + 5 * y * (c + 1) - 60 * c
    return np.clip(np.where(x + y > 25, 255 - smooth, smooth), 0, 255).astype(np.uint8)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
"""Colour types of PNG."""


def png(samples: NDArray[Any], colour: int, bits: int, *, extra: bytes = b"", interlaced: bool = False) -> bytes:
    """A PNG file of samples [height, width, channels], as Pillow cannot write it. Format: https://www.w3.org/TR/png-3/"""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, int(interlaced))
    passes = (
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
        if interlaced
        else [(0, 0, 1, 1)]
    )
    rows = b""
    for left, top, across, down in passes:
        part = samples[top::down, left::across]
        if part.size > 0:
            rows += b"".join(b"\0" + packed(row.reshape(-1), bits) for row in part)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def packed(row: NDArray[Any], bits: int) -> bytes:
    if bits == 16:
        return row.astype(">u2").tobytes()
    if bits == 8:
        return row.astype(np.uint8).tobytes()
    digits = "".join(format(int(sample), f"0{bits}b") for sample in row)
    digits += "0" * (-len(digits) % 8)
    return bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits), 8))


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def without_adobe_marker(jpeg: bytes) -> bytes:
    at = jpeg.index(b"\xff\xee")
    length = int.from_bytes(jpeg[at + 2 : at + 4])
    return jpeg[:at] + jpeg[at + 2 + length :]


def formats() -> Iterator[tuple[str, bytes]]:
    picture = Image.fromarray(photo())
    for orientation in range(1, 9):
        yield f"exif-{orientation}.jpg", saved(picture, "JPEG", quality=90, exif=exif(orientation))
    yield "exif-9.jpg", saved(picture, "JPEG", quality=90, exif=exif(9))
    yield "exif-6.png", saved(picture, "PNG", exif=exif(6))
    yield "exif-7.webp", saved(picture, "WEBP", lossless=True, exif=exif(7))
    yield "half-chroma.jpg", saved(picture, "JPEG", quality=85, subsampling="4:2:0")
    yield "full-chroma.jpg", saved(picture, "JPEG", quality=85, subsampling="4:4:4")
    yield "progressive.jpg", saved(picture, "JPEG", quality=85, progressive=True)
    yield "grey.jpg", saved(picture.convert("L"), "JPEG", quality=85)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    yield "profile.jpg", saved(picture, "JPEG", quality=90, icc_profile=profile)
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    yield "profile.png", saved(picture, "PNG", icc_profile=wide)
    cmyk = saved(Image.fromarray(noise(WIDTH, HEIGHT, 4), "CMYK"), "JPEG", quality=95)
    yield "cmyk.jpg", cmyk
    yield "cmyk-no-marker.jpg", without_adobe_marker(cmyk)
    yield from png_formats(picture)
    yield "lossy.webp", saved(picture, "WEBP", quality=80)
    yield "lossless.webp", saved(picture, "WEBP", lossless=True)
    rgba = Image.fromarray(noise(WIDTH, HEIGHT, 4), "RGBA")
    yield "alpha-lossless.webp", saved(rgba, "WEBP", lossless=True, exact=True)
    yield "alpha-lossy.webp", saved(rgba, "WEBP", quality=80)
    others = [Image.fromarray(255 - photo()), Image.fromarray(noise(WIDTH, HEIGHT))]
    yield "animated.webp", saved(picture, "WEBP", lossless=True, save_all=True, append_images=others, duration=100)


def png_formats(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    yield "rgb.png", saved(picture, "PNG")
    yield "rgb-interlaced.png", png(photo(), RGB, 8, interlaced=True)
    yield "rgb-key.png", png(photo() & 0xE0, RGB, 8, extra=chunk(b"tRNS", struct.pack(">HHH", 64, 32, 0)))
    yield "rgba.png", png(noise(WIDTH, HEIGHT, 4), RGBA, 8)
    yield "rgba-interlaced.png", png(noise(WIDTH, HEIGHT, 4), RGBA, 8, interlaced=True)
    yield "grey-alpha.png", png(noise(WIDTH, HEIGHT, 2), GREY_ALPHA, 8)
    for bits in (1, 2, 4, 8):
        yield f"grey-{bits}-bit.png", png(photo(1) >> (8 - bits), GREY, bits)
    yield "grey-key.png", png(photo(1) & 0xF0, GREY, 8, extra=chunk(b"tRNS", struct.pack(">H", 0x60)))
    yield "grey-1-bit-interlaced.png", png(photo(1) >> 7, GREY, 1, interlaced=True)
    deep = noise(WIDTH, HEIGHT, 4).astype(np.uint16) << 8 | noise(WIDTH + 4, HEIGHT, 4)[:, 4:]
    yield "grey-16-bit.png", png(deep[:, :, :1], GREY, 16)
    yield "rgb-16-bit.png", png(deep[:, :, :3], RGB, 16)
    yield "rgba-16-bit.png", png(deep, RGBA, 16)
    yield "grey-alpha-16-bit.png", png(deep[:, :, :2], GREY_ALPHA, 16)
    colours = noise(16, 1).tobytes()
    for bits in (1, 2, 4, 8):
        palette = chunk(b"PLTE", colours[: 3 * min(16, 1 << bits)])
        yield f"palette-{bits}-bit.png", png(noise(WIDTH, HEIGHT, 1) & (min(16, 1 << bits) - 1), PALETTE, bits, extra=palette)
    see_through = chunk(b"PLTE", colours) + chunk(b"tRNS", bytes([0, 90, 200, 255, 17]))
    yield "palette-alpha.png", png(noise(WIDTH, HEIGHT, 1) & 15, PALETTE, 8, extra=see_through)
    others = [Image.fromarray(255 - photo()), Image.fromarray(noise(WIDTH, HEIGHT))]
    yield "animated.png", saved(picture, "PNG", save_all=True, append_images=others, duration=100)


def write_formats(folder: Path) -> None:
    (folder / "formats").mkdir(parents=True, exist_ok=True)
    index: list[dict[str, Any]] = []
    pixels = b""
    for name, content in formats():
        (folder / "formats" / name).write_bytes(content)
        with Image.open(BytesIO(content)) as opened:
            upright = ImageOps.exif_transpose(opened)
        index.append({"file": name, "width": upright.width, "height": upright.height})
        pixels += opaque(upright, 3).tobytes() + opaque(upright, 1).tobytes()
    write_json(folder / "formats.json", index)
    (folder / "formats.bin").write_bytes(pixels)


SIZES = [
    # source, resized
    ((40, 30), (20, 15)),
    ((40, 30), (13, 7)),
    ((41, 37), (41, 11)),
    ((41, 37), (9, 37)),
    ((19, 23), (44, 61)),
    ((7, 90), (31, 12)),
    ((90, 7), (12, 31)),
    ((1, 1), (5, 3)),
    ((6, 10), (9, 15)),
    ((300, 200), (5, 3)),
]
"""Down, up, one axis only, extreme, and 6 → 9 where nearest falls on the edge between two pixels."""


def resizes() -> Iterator[dict[str, Any]]:
    for resample in range(6):
        for source, size in SIZES:
            yield {"source": source, "resample": resample, "size": size, "crop": [0, 0, *size]}
    crops = random.Random(4)
    for resample in range(6):
        for source, size in SIZES[:7]:
            width, height = crops.randint(1, size[0]), crops.randint(1, size[1])
            crop = [crops.randint(0, size[0] - width), crops.randint(0, size[1] - height), width, height]
            yield {"source": source, "resample": resample, "size": size, "crop": crop}
    # Larger than the strips in which the kernel takes the source.
    for resample in range(6):
        yield {"source": (1100, 700), "resample": resample, "size": (31, 19), "crop": [0, 0, 31, 19]}


def write_resizes(folder: Path) -> None:
    index = list(resizes())
    pixels = b""
    for case in index:
        left, top, width, height = case["crop"]
        resized = Image.fromarray(noise(*case["source"])).resize(case["size"], Image.Resampling(case["resample"]))
        pixels += resized.crop((left, top, left + width, top + height)).tobytes()
    write_json(folder / "resizes.json", index)
    (folder / "resizes.bin").write_bytes(pixels)


def write_json(file: Path, rows: list[dict[str, Any]]) -> None:
    """One row a line, as Biome formats it."""
    lines = (json.dumps(row) for row in rows)
    file.write_text("[\n" + ",\n".join(f"  {{ {line[1:-1]} }}" for line in lines) + "\n]\n", "utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write_formats(target)
    write_resizes(target)
