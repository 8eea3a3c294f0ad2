"""Measures every scheme on labelled texts: what it costs, what it gains, and whether a batch changes its answers."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from training.quantize.folder import find_model
from training.quantize.samples import Samples, scores
from training.quantize.schemes import SCHEMES
from training.quantize.speed import Speed, compare_speed, open_session

_BATCH = 16
_ROUNDS = 9
_TIMED_ALONE = 96  # texts
_TIMED_BATCHES = 12  # of 16, spread over all lengths
_REFERENCE = next(iter(SCHEMES))
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


@dataclass(frozen=True)
class Change:
    """What moves between two sets of scores for the same texts."""

    label_flips: int
    flips_percent: float
    largest_score_move: float


@dataclass(frozen=True)
class Measured:
    megabytes: float
    accuracy: float
    alone: Speed
    sorted_batches_of_16: Speed
    against_fp32: Change
    in_random_batches_of_16: Change


def compare_schemes(folder: Path, data: Path, out: Path, limit: int | None = None) -> str:
    """
    Writes <out>/comparison.json and comparison.md, and each scheme's model beside them; returns the table.

    Accuracy and changes come from every text, each alone; the speeds from some of them.
    """
    samples = Samples(folder, data, limit)
    out.mkdir(parents=True, exist_ok=True)
    files = {name: out / f"{name}.onnx" for name in SCHEMES}
    for name, make in tqdm(SCHEMES.items(), desc="rewrite"):
        onnx.save(make(find_model(folder)), files[name])
    sessions = {name: open_session(path) for name, path in files.items()}
    order = samples.by_length()
    alone = [samples.feed([item], _INPUTS) for item in _spread(order, _TIMED_ALONE)]
    batches = [
        samples.feed(order[start : start + _BATCH], _INPUTS)
        for start in _spread(np.arange(0, len(order) - _BATCH + 1, _BATCH), _TIMED_BATCHES)
    ]
    speed_alone = compare_speed(sessions, alone, _ROUNDS)
    speed_sorted = compare_speed(sessions, batches, _ROUNDS)
    singles = {name: _scores_alone(session, samples, name) for name, session in sessions.items()}
    measured = {
        name: Measured(
            megabytes=files[name].stat().st_size / 1e6,
            accuracy=float(np.mean(singles[name].argmax(axis=1) == samples.labels)),
            alone=speed_alone[name],
            sorted_batches_of_16=speed_sorted[name],
            against_fp32=_change(singles[_REFERENCE], singles[name]),
            in_random_batches_of_16=_change(singles[name], _scores_in_random_batches(sessions[name], samples)),
        )
        for name in SCHEMES
    }
    report = {
        "texts": len(samples.labels),
        "tokens_on_average": float(np.mean([len(encoding.ids) for encoding in samples.encodings])),
        "onnxruntime": onnxruntime.__version__,
        "machine": platform.machine(),
        "schemes": {name: asdict(value) for name, value in measured.items()},
    }
    table = _table(measured)
    (out / "comparison.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    (out / "comparison.md").write_text(table, "utf-8")
    return table


def _spread(items: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """At most `count` of the items, at even distances."""
    return items[np.linspace(0, len(items) - 1, min(count, len(items))).astype(int)]


def _scores_alone(session: onnxruntime.InferenceSession, samples: Samples, name: str) -> NDArray[np.float64]:
    inputs = [node.name for node in session.get_inputs()]
    items = tqdm(range(len(samples.labels)), desc=name, unit="text")
    return np.concatenate([scores(session, samples.feed([item], inputs)) for item in items])


def _scores_in_random_batches(session: onnxruntime.InferenceSession, samples: Samples) -> NDArray[np.float64]:
    inputs = [node.name for node in session.get_inputs()]
    order = np.random.default_rng(0).permutation(len(samples.labels))
    found = [
        scores(session, samples.feed(order[start : start + _BATCH], inputs)) for start in range(0, len(order), _BATCH)
    ]
    return np.concatenate(found)[np.argsort(order)]


def _change(before: NDArray[np.float64], after: NDArray[np.float64]) -> Change:
    flips = int(np.sum(before.argmax(axis=1) != after.argmax(axis=1)))
    return Change(flips, 100 * flips / len(before), float(np.abs(after - before).max()))


def _table(measured: dict[str, Measured]) -> str:
    lines = [
        "| scheme | MB | accuracy | ms alone | ms in sorted 16s | flips and largest move against fp32 "
        "| flips and largest move in random 16s |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in measured.items():
        cells = [
            name,
            f"{row.megabytes:.1f}",
            f"{row.accuracy:.4f}",
            _speed(row.alone),
            _speed(row.sorted_batches_of_16),
            _moves(row.against_fp32),
            _moves(row.in_random_batches_of_16),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _speed(speed: Speed) -> str:
    return f"{speed.milliseconds:.2f} ({speed.ratio:.2f} ×)"


def _moves(change: Change) -> str:
    return f"{change.flips_percent:.2f} %, {change.largest_score_move:.4f}"
