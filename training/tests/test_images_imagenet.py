import io

import numpy as np
import pytest
from PIL import Image, ImageOps

pytest.importorskip("efficientnet_lite_pytorch")

from training.imagenet.golden import licences, require_clear_winner
from training.imagenet.labels import label_of, load_labels
from training.imagenet.sources import PHOTOGRAPHS
from training.imagenet.variants import STORED_AS, VARIANTS, faded_to_transparent, palette_with_transparent_frame, turned_by_exif
from training.images.model_folder import GoldenSample


def test_a_label_is_the_first_lemma_unless_another_class_shares_it() -> None:
    lemmas = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03126707": "crane"}
    assert [label_of(synset, lemmas) for synset in lemmas] == ["tench", "crane (bird)", "crane (machine)"]


def test_a_thousand_labels_differ_whatever_their_case() -> None:
    labels = load_labels()
    assert len({label.lower() for label in labels}) == len(labels) == 1_000
    assert labels[281] == "tabby"


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_picture_turned_by_exif_shows_upright(orientation: int) -> None:
    photograph = PHOTOGRAPHS["chelsea"]
    turned = Image.open(io.BytesIO(turned_by_exif("PNG", orientation)(photograph)))
    assert turned.getexif()[0x0112] == orientation
    assert np.array_equal(np.asarray(ImageOps.exif_transpose(turned)), np.asarray(photograph.image()))


def test_the_transparent_variants_are_partly_transparent() -> None:
    picture = PHOTOGRAPHS["chelsea"].image()
    alpha = np.asarray(faded_to_transparent(picture))[..., 3]
    assert alpha.min() == 0 and alpha.max() == 255 and ((alpha > 0) & (alpha < 255)).any()
    framed = palette_with_transparent_frame(picture)
    assert framed.has_transparency_data and framed.convert("RGBA").getpixel((0, 0))[3] == 0


def test_every_golden_file_has_a_name_of_its_own_and_a_licence() -> None:
    assert len({variant.file for variant in VARIANTS}) == len(VARIANTS) >= 16
    text = licences()
    for variant in VARIANTS:
        assert f"| {variant.file} | {variant.photograph} |" in text and f"| {variant.photograph} | {variant.source.subject} |" in text


def test_a_golden_file_with_two_likeliest_labels_is_refused() -> None:
    require_clear_winner(GoldenSample("golden/clear.png", np.float32([0.4, 0.35, 0.25])))
    with pytest.raises(ValueError, match=r"unclear\.png"):
        require_clear_winner(GoldenSample("golden/unclear.png", np.float32([0.36, 0.35, 0.29])))
