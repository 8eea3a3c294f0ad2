"""The three labels, as thresholds on the mean human rating (-4 to 4), and the soft targets that raters' disagreement gives."""

import math
from collections.abc import Sequence

LABELS = ("negative", "neutral", "positive")
NEGATIVE, NEUTRAL, POSITIVE = range(3)
THRESHOLD = 0.5
RATING_VALUES = tuple(range(-4, 5))

PANEL_SIZE = 20
# Means move in steps of 1 / PANEL_SIZE: half a step inside the threshold separates "at the threshold" from "just below it".
PANEL_THRESHOLD = THRESHOLD - 0.5 / PANEL_SIZE
TYPICAL_DEVIATION = 1.0
SMALLEST_SPREAD = 0.05


def label_of(rating: float) -> int:
    if rating <= -THRESHOLD:
        return NEGATIVE
    return POSITIVE if rating >= THRESHOLD else NEUTRAL


def panel_target(rating: float, ratings: Sequence[int]) -> list[float]:
    """The chance of each label if a fresh panel of 20 raters judged the same text.

    The mean of such a panel spreads around the observed mean by the raters' deviation over the square roots of both
    panels' sizes; a text whose raters are not known gets the typical deviation.
    """
    deviation, size = TYPICAL_DEVIATION, PANEL_SIZE
    if ratings:
        size = len(ratings)
        mean = sum(ratings) / size
        deviation = math.sqrt(sum((value - mean) ** 2 for value in ratings) / size)
    spread = max(deviation * math.sqrt(1 / size + 1 / PANEL_SIZE), SMALLEST_SPREAD)
    negative = normal_below((-PANEL_THRESHOLD - rating) / spread)
    positive = normal_below((rating - PANEL_THRESHOLD) / spread)
    return [negative, 1 - negative - positive, positive]


def rating_distribution(ratings: Sequence[int]) -> list[float]:
    """The share of raters who gave each of the nine values."""
    return [ratings.count(value) / len(ratings) for value in RATING_VALUES]


def normal_below(deviations: float) -> float:
    return 0.5 * (1 + math.erf(deviations / math.sqrt(2)))
