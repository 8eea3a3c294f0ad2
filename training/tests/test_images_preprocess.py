import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from training.images.preprocess import Exactly, Preprocessor, ShortestEdge, opaque

SIZED = {"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "resample": 3}


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(values.squeeze())


def reopened(image: Image.Image, format: str, **options: object) -> Image.Image:
    file = io.BytesIO()
    image.save(file, format, **options)
    return Image.open(file)


def test_the_long_side_is_cut_to_an_integer() -> None:
    assert ShortestEdge(256).of(640, 427) == (383, 256)
    assert ShortestEdge(256).of(427, 640) == (256, 383)
    assert ShortestEdge(256).of(64, 64) == (256, 256)


def test_a_crop_larger_than_the_picture_is_filled_with_black() -> None:
    preprocessor = Preprocessor.from_config({"crop_size": {"height": 5, "width": 4}})
    framed = np.asarray(preprocessor.framed(Image.new("L", (2, 2), 255)))
    assert framed.tolist() == [[0] * 4, [0] * 4, [0, 255, 255, 0], [0, 255, 255, 0], [0] * 4]


@pytest.mark.parametrize("size", [(640, 427), (301, 499), (64, 64), (1000, 90)])
def test_equals_hugging_face(size: tuple[int, int]) -> None:
    clip = pytest.importorskip("transformers.models.clip.image_processing_pil_clip")
    mean, std = [0.48, 0.45, 0.40], [0.26, 0.27, 0.28]
    theirs = clip.CLIPImageProcessorPil(**SIZED, image_mean=mean, image_std=std)(noise(*size), return_tensors="np")["pixel_values"][0]
    ours = Preprocessor.from_config({**SIZED, "image_mean": mean, "image_std": std}).pixels(noise(*size))
    assert np.abs(ours - theirs).max() < 1e-6


def test_mean_and_std_of_127_and_128_255ths_give_the_tensorflow_normalisation() -> None:
    config = {"image_mean": [127 / 255] * 3, "image_std": [128 / 255] * 3}
    levels = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3))
    expected = (np.asarray(levels, dtype=np.float64) - 127) / 128
    assert np.abs(Preprocessor.from_config(config).pixels(levels) - expected.transpose(2, 0, 1)).max() < 1e-6


def test_height_and_width_stretch_the_picture() -> None:
    preprocessor = Preprocessor.from_config({"size": {"height": 28, "width": 30}, "do_rescale": False})
    assert preprocessor.resize == Exactly(width=30, height=28)
    assert preprocessor.pixels(noise(64, 10)).shape == (3, 28, 30)


def test_a_step_that_is_forbidden_is_not_done() -> None:
    preprocessor = Preprocessor.from_config({**SIZED, "do_resize": False, "do_center_crop": False, "do_rescale": False})
    assert np.array_equal(preprocessor.pixels(noise(9, 7)), np.asarray(noise(9, 7), dtype=np.float32).transpose(2, 0, 1))


def test_exif_orientation_is_honoured() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = reopened(noise(8, 5), "PNG", exif=exif)
    plain = Preprocessor.from_config({})
    assert np.array_equal(plain.pixels(turned), plain.pixels(noise(8, 5).transpose(Image.Transpose.ROTATE_270)))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_composited_on_white(mode: str) -> None:
    image = Image.new(mode, (1, 1))
    assert opaque(image, 3).getpixel((0, 0)) == (255, 255, 255)


def test_a_transparent_palette_colour_is_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    read = opaque(reopened(image, "PNG", transparency=1), 3)
    assert [read.getpixel((x, 0)) for x in (0, 1)] == [(10, 20, 30), (255, 255, 255)]


def test_sixteen_bit_grey_keeps_its_high_byte() -> None:
    image = reopened(Image.fromarray(np.array([[0x0000, 0x01FF, 0x80FF, 0xFFFF]], dtype=np.uint16)), "PNG")
    assert np.asarray(opaque(image, 1)).tolist() == [[0x00, 0x01, 0x80, 0xFF]]
    assert opaque(image, 3).mode == "RGB"


def test_one_channel_models_get_grey() -> None:
    preprocessor = Preprocessor.from_config({"size": {"height": 28, "width": 28}, "num_channels": 1})
    grey = noise(28, 28, 1)
    assert np.allclose(preprocessor.pixels(grey), np.asarray(grey, dtype=np.float32)[None] / 255)
    assert preprocessor.pixels(noise(50, 40)).shape == (1, 28, 28)
