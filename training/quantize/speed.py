"""Times sessions side by side, so that what else the machine does falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnxruntime

from training.quantize.samples import Feed


@dataclass(frozen=True)
class Speed:
    """Milliseconds for an item, and how many times as fast as the first of the sessions: medians of the rounds."""

    milliseconds: float
    ratio: float


def open_session(model_file: Path) -> onnxruntime.InferenceSession:
    """As a worker of the server opens it: one thread that does not spin, every graph optimisation."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(model_file), options, providers=["CPUExecutionProvider"])


def compare_speed(
    sessions: Mapping[str, onnxruntime.InferenceSession], feeds: Sequence[Feed], rounds: int
) -> dict[str, Speed]:
    """
    Runs all feeds on A, on B, on C, then again on A …; the first round warms up and does not count.

    Times are those of the processor (one thread works, and does not wait): another process that takes the core in
    between does not count.
    """
    items = sum(len(next(iter(feed.values()))) for feed in feeds)
    times: dict[str, list[float]] = {name: [] for name in sessions}
    for round_number in range(rounds + 1):
        for name, session in sessions.items():
            inputs = [node.name for node in session.get_inputs()]
            known = [{key: feed[key] for key in inputs} for feed in feeds]
            started = time.process_time()
            for feed in known:
                session.run(None, feed)
            if round_number:
                times[name].append((time.process_time() - started) / items * 1e3)
    first = next(iter(times.values()))
    return {
        name: Speed(statistics.median(own), statistics.median(a / b for a, b in zip(first, own, strict=True)))
        for name, own in times.items()
    }
