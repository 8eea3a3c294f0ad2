import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from training.images.fit import turned_and_shifted
from training.images.preprocess import Preprocessor
from training.mnist.digits import Digits, grey_levels, split
from training.mnist.networks import ConvolutionalNetwork, DenseNetwork
from training.mnist.publish import publish_test_part
from training.mnist.version import PREPROCESSOR_CONFIG, labelled


def random_digits(items: int) -> Digits:
    generator = np.random.default_rng(0)
    return Digits(generator.integers(0, 256, (items, 28, 28), dtype=np.uint8), generator.integers(0, 10, items))


def test_three_decimals_give_back_every_grey_level() -> None:
    levels = np.arange(256)
    assert grey_levels(np.round(levels / 255, 3)).tolist() == levels.tolist()


def test_the_split_does_not_depend_on_the_order_of_the_digits() -> None:
    digits = random_digits(3_200)
    parts, reversed_parts = split(digits), split(digits[np.arange(3_200)[::-1]])
    assert [len(part) for part in (parts.test, parts.validation, parts.train)] == [2_000, 1_000, 200]
    for part, other in ((parts.train, reversed_parts.train), (parts.validation, reversed_parts.validation), (parts.test, reversed_parts.test)):
        assert np.array_equal(part.pixels, other.pixels) and np.array_equal(part.labels, other.labels)


def test_both_networks_answer_ten_logits() -> None:
    for network in (DenseNetwork(), ConvolutionalNetwork()):
        assert network(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_a_digit_is_trained_on_as_its_png_is_served(tmp_path: Path) -> None:
    digits = random_digits(1)
    Image.fromarray(digits.pixels[0]).save(tmp_path / "digit.png")
    served = Preprocessor.from_config(PREPROCESSOR_CONFIG).read(tmp_path / "digit.png")
    assert np.array_equal(served, labelled(digits).pixels[0].numpy())


def test_the_published_tiles_are_the_held_out_digits(tmp_path: Path) -> None:
    digits = random_digits(100)
    publish_test_part(tmp_path, digits)
    shape = json.loads((tmp_path / "test.json").read_text())
    assert (shape["tile"], shape["columns"], shape["rows"], shape["labels"]) == (28, 50, 2, digits.labels.tolist())
    sheet = np.asarray(Image.open(tmp_path / "test.png"))
    assert np.array_equal(sheet[28:56, 2 * 28 : 3 * 28], digits.pixels[52])


def test_augmentation_by_nothing_changes_nothing() -> None:
    pixels = labelled(random_digits(2)).pixels
    assert torch.allclose(turned_and_shifted(pixels, degrees=0, shift=0, scale=0), pixels, atol=1e-4)


def test_augmentation_gives_each_image_its_own_move() -> None:
    torch.manual_seed(0)
    pixels = torch.zeros(4, 1, 28, 28)
    pixels[:, :, 12:16, 12:16] = 1
    moved = turned_and_shifted(pixels, degrees=10, shift=0.1, scale=0.1)
    assert not torch.allclose(moved[0], moved[1])
    assert torch.allclose(moved.sum(dim=(1, 2, 3)), torch.tensor(16.0), rtol=0.3)
