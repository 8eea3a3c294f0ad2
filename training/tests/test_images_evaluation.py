from pathlib import Path

import numpy as np
from PIL import Image

from training.images.evaluation import Evaluation

TRUTH = np.array([0, 0, 0, 1, 1, 2])
PREDICTED = np.array([0, 0, 1, 1, 1, 0])
EVALUATION = Evaluation.of(["a", "b", "c"], TRUTH, PREDICTED)


def test_counts_by_true_and_predicted_label() -> None:
    assert EVALUATION.confusion.tolist() == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert EVALUATION.items == 6
    assert EVALUATION.accuracy == 4 / 6


def test_precision_recall_and_f1_are_zero_where_nothing_was_found() -> None:
    assert np.allclose(EVALUATION.precision, [2 / 3, 2 / 3, 0])
    assert np.allclose(EVALUATION.recall, [2 / 3, 1, 0])
    assert np.isclose(EVALUATION.macro_f1, (2 / 3 + 0.8 + 0) / 3)


def test_the_table_has_a_row_for_each_label() -> None:
    assert EVALUATION.table().splitlines()[2] == "| a | 3 | 0.6667 | 0.6667 |"


def test_the_picture_is_an_image(tmp_path: Path) -> None:
    EVALUATION.picture(tmp_path / "confusion.png")
    with Image.open(tmp_path / "confusion.png") as picture:
        assert picture.format == "PNG"
