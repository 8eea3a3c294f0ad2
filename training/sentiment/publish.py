"""Writes models/sentiment/<version>: reads the test split, compares the served file with its reference, tells it in the card."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.cache import REPOSITORY
from training.sentiment.calibration import Floats, fit_temperature, softmax
from training.sentiment.card import render_card
from training.sentiment.data import VADER_FOLDER, Sentence, in_split
from training.sentiment.encoder import base_tokenizer
from training.sentiment.evaluate import labels_of
from training.sentiment.golden import golden_texts
from training.sentiment.model_folder import write_golden, write_licence, write_serval_json
from training.sentiment.results import Results, majority_accuracy, moves, quality, read_comparison, rounded, write_results
from training.sentiment.served import ServedModel
from training.sentiment.split import SPLITS
from training.sentiment.vader import evaluate_vader

MODELS = REPOSITORY / "models" / "sentiment"


@dataclass(frozen=True)
class Candidate:
    """A trained version, not yet read against the test split."""

    version: int
    write_model: Callable[[Path], object]
    """Writes graph, configuration and tokenizer into a folder."""
    title: str
    method: str
    description: str
    source: str
    notices: tuple[str, ...]
    reference: str
    tolerance: float
    """Of a golden sample's scores."""
    reference_logits: Callable[[Sequence[str]], Floats]
    training: Results
    """What the training left for the card: machine and runs."""


class GoldenMoveError(Exception):
    """A golden sample's served scores are further from the reference than the tolerance."""


def publish(candidate: Candidate, sentences: Sequence[Sentence]) -> Results:
    folder = MODELS / str(candidate.version)
    folder.mkdir(parents=True, exist_ok=True)
    candidate.write_model(folder)
    served = ServedModel(folder)
    validation, test = in_split(sentences, "validation"), in_split(sentences, "test")
    texts = [sentence.text for sentence in test]
    temperature = fit_temperature(candidate.reference_logits([s.text for s in validation]), labels_of(validation))
    reference_logits, served_logits = candidate.reference_logits(texts), served.logits(texts)
    measured: Results = {
        "version": candidate.version,
        "split": {split: len(in_split(sentences, split)) for split in SPLITS},
        **candidate.training,
        "temperature": temperature,
        "reference": quality(reference_logits, temperature, test),
        "served": quality(served_logits, temperature, test),
        "served_against_reference": moves(softmax(served_logits, temperature), softmax(reference_logits, temperature)),
        "vader": asdict(evaluate_vader(test, VADER_FOLDER)),
        "majority": majority_accuracy(test),
        "golden": publish_golden(candidate, folder, test, temperature),
        "bytes": (folder / "model.onnx").stat().st_size,
        "compression": read_comparison(candidate.version),
    }
    results = rounded(measured)
    write_results(candidate.version, results)
    write_licence(folder, candidate.notices)
    write_serval_json(folder, candidate.description, candidate.source, results)
    card = render_card(candidate.title, candidate.method, results)
    (folder / "card.md").write_text(card, encoding="utf-8")
    return results


def publish_golden(candidate: Candidate, folder: Path, test: Sequence[Sentence], temperature: float) -> Results:
    texts = golden_texts(test, base_tokenizer())
    reference_scores = softmax(candidate.reference_logits(texts), temperature)
    served_scores = softmax(ServedModel(folder).logits(texts), temperature)
    moved = moves(served_scores, reference_scores)["largest_move"]
    if moved > candidate.tolerance:
        raise GoldenMoveError(f"a golden sample moved by {moved:.4f}, the tolerance is {candidate.tolerance}")
    samples = list(zip(texts, reference_scores, strict=True))
    write_golden(folder, candidate.reference, candidate.tolerance, samples)
    return {
        "samples": len(samples),
        "reference": candidate.reference,
        "tolerance": candidate.tolerance,
        "largest_move": moved,
    }
