"""VADER's own rules on the same sentences: the bar that a trained model has to clear."""

import importlib
import sys
import tarfile
import types
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.sentiment.data import ARCHIVE, Sentence
from training.sentiment.evaluate import Evaluation, evaluate
from training.sentiment.labels import NEGATIVE, NEUTRAL, POSITIVE

# The thresholds on the compound score that VADER's authors recommend.
COMPOUND_THRESHOLD = 0.05
RULES = ("vaderSentiment.py", "vader_lexicon.txt")


def evaluate_vader(sentences: Sequence[Sentence], folder: Path) -> Evaluation:
    """folder: where the package's source archive lies. A compound score of 0 leans negative."""
    analyser = load_rules(folder).SentimentIntensityAnalyzer()
    compound = np.array([analyser.polarity_scores(sentence.text)["compound"] for sentence in sentences])
    predicted = np.where(compound >= COMPOUND_THRESHOLD, POSITIVE, NEUTRAL)
    predicted = np.where(compound <= -COMPOUND_THRESHOLD, NEGATIVE, predicted)
    return evaluate(predicted, compound > 0, sentences)


def load_rules(folder: Path) -> types.ModuleType:
    """The rules are read out of the archive: installing the package would bring its demo's dependencies."""
    with tarfile.open(folder / ARCHIVE) as package:
        root = ARCHIVE.removesuffix(".tar.gz")
        members = [package.getmember(f"{root}/vaderSentiment/{name}") for name in RULES]
        package.extractall(folder, members, filter="data")
    # Only the package's demo talks to a web service.
    sys.modules.setdefault("requests", types.ModuleType("requests"))
    sys.path.insert(0, str(folder / root / "vaderSentiment"))
    try:
        return importlib.import_module("vaderSentiment")
    finally:
        sys.path.pop(0)
