import numpy as np
import pytest

from training.sentiment.calibration import expected_calibration_error, fit_temperature, softmax
from training.sentiment.data import Sentence
from training.sentiment.evaluate import evaluate_scores
from training.sentiment.results import majority_accuracy, moves


def sentences(*ratings: float) -> list[Sentence]:
    return [Sentence(str(number), "tweets", "text", rating, ()) for number, rating in enumerate(ratings)]


def test_an_evaluation_counts_as_its_definitions_say() -> None:
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.5, 0.4], [0.3, 0.4, 0.3], [0.1, 0.2, 0.7]])
    evaluation = evaluate_scores(scores, sentences(-1.0, 1.0, 0.0, -0.5))
    assert evaluation.accuracy == 0.5
    assert evaluation.confusion == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]
    assert evaluation.labels["negative"].precision == 1.0
    assert evaluation.labels["negative"].recall == 0.5
    assert evaluation.labels["negative"].f1 == pytest.approx(2 / 3)
    assert evaluation.labels["positive"].f1 == 0.0
    assert evaluation.macro_f1 == pytest.approx((2 / 3 + 2 / 3 + 0) / 3)


def test_polarity_is_judged_on_clear_items_only() -> None:
    scores = np.array([[0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.1, 0.5, 0.4], [0.2, 0.1, 0.7]])
    evaluation = evaluate_scores(scores, sentences(-1.0, 0.0, 1.0, -0.5))
    assert evaluation.clear_items == 3
    assert evaluation.polarity_accuracy == pytest.approx(2 / 3)


def test_an_evaluation_refuses_another_number_of_predictions() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 sentences"):
        evaluate_scores(np.array([[1.0, 0.0, 0.0]]), sentences(1.0, 1.0))


def test_the_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0]] * 10)
    labels = np.array([0] * 6 + [1] * 4)
    assert expected_calibration_error(probabilities, labels) == pytest.approx(0.3)


def test_bins_are_weighted_by_their_items() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0]] * 3 + [[0.5, 0.4, 0.1]])
    labels = np.array([0, 0, 0, 1])
    assert expected_calibration_error(probabilities, labels) == pytest.approx((3 * 0.1 + 1 * 0.5) / 4)


def test_full_confidence_belongs_to_the_last_bin() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0, 0.0]]), np.array([0])) == 0


def test_the_temperature_undoes_overconfidence() -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(5000, 3))
    labels = np.array([generator.choice(3, p=row) for row in softmax(logits)])
    assert fit_temperature(logits * 2, labels) == pytest.approx(2, rel=0.1)


def test_softmax_survives_large_logits() -> None:
    assert softmax(np.array([[1000.0, 0.0, 0.0]]))[0, 0] == pytest.approx(1)


def test_moves_tell_flips_and_the_largest_difference() -> None:
    reference = np.array([[0.6, 0.4], [0.9, 0.1]])
    served = np.array([[0.4, 0.6], [0.9, 0.1]])
    assert moves(served, reference) == {"largest_move": pytest.approx(0.2), "label_flips": 0.5}


def test_the_majority_is_the_most_frequent_label() -> None:
    assert majority_accuracy(sentences(1.0, 1.0, 0.0, -1.0)) == 0.5
