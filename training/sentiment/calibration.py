"""Temperature scaling (Guo et al., 2017) and the calibration error it should lower."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

BINS = 15
TEMPERATURE_BOUNDS = (0.2, 5.0)

Floats = NDArray[np.floating]
Integers = NDArray[np.integer]


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    scaled = logits.astype(np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def negative_log_likelihood(logits: Floats, labels: Integers, temperature: float = 1.0) -> float:
    chosen = softmax(logits, temperature)[np.arange(len(labels)), labels]
    return float(-np.log(chosen).mean())


def fit_temperature(logits: Floats, labels: Integers) -> float:
    """The temperature with the lowest negative log-likelihood, by which logits are divided before softmax."""
    best = minimize_scalar(
        lambda temperature: negative_log_likelihood(logits, labels, temperature),
        bounds=TEMPERATURE_BOUNDS,
        method="bounded",
    )
    return round(float(best.x), 4)


def expected_calibration_error(probabilities: Floats, labels: Integers, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equally wide bins of confidence, weighted by the bins' items."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    bin_of_item = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[bin_of_item == index].mean() - correct[bin_of_item == index].mean()) * (bin_of_item == index).sum()
        for index in range(bins)
        if (bin_of_item == index).any()
    ]
    return float(sum(gaps) / len(labels))
