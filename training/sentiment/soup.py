"""Version 2's weights: the mean of short runs that differ in their settings (a "model soup", Wortsman et al., 2022).

Runs from the same base end near each other, so their mean is a network too, at the cost of one. On the validation split
its loss, after temperature, is lower than that of either run.
"""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from training.sentiment.train_encoder import EncoderRecipe, TrainingData, checkpoint_path, train_encoder

RUNS = (
    EncoderRecipe(seed=1),
    EncoderRecipe(seed=2, learning_rate=1.5e-4, head_learning_rate=3e-4, layer_decay=0.85, word_dropout=0.1),
)
# The first epoch's weights are not yet good enough to share.
FIRST_EPOCH = 2

Weights = dict[str, Tensor]


@dataclass(frozen=True)
class Run:
    recipe: EncoderRecipe
    folder: Path
    epochs: list[dict[str, float]]
    """Validation figures after each epoch."""
    seconds: float


def train_runs(data: TrainingData, folder: Path, epochs: int | None, reuse: bool) -> list[Run]:
    """epochs: instead of each recipe's own number. reuse: keep runs that the folder already holds complete."""
    recipes = [recipe if epochs is None else replace(recipe, epochs=epochs) for recipe in RUNS]
    return [train_run(data, recipe, folder / f"run-{recipe.seed}", reuse) for recipe in recipes]


def train_run(data: TrainingData, recipe: EncoderRecipe, folder: Path, reuse: bool) -> Run:
    record = folder / "run.json"
    if reuse and record.exists():
        kept: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        if kept["recipe"] == asdict(recipe):
            return Run(recipe, folder, kept["epochs"], kept["seconds"])
    started = time.monotonic()
    history = train_encoder(data, recipe, folder)
    run = Run(recipe, folder, history, time.monotonic() - started)
    record.write_text(json.dumps({"recipe": asdict(recipe), "epochs": history, "seconds": run.seconds}), encoding="utf-8")
    return run


def mixed_weights(runs: Sequence[Run]) -> Weights:
    """The mean over runs of the mean over each run's later epochs."""
    return mean_weights(run_weights(run) for run in runs)


def run_weights(run: Run) -> Weights:
    first = min(FIRST_EPOCH, run.recipe.epochs)
    return mean_weights(torch.load(checkpoint_path(run.folder, epoch)) for epoch in range(first, run.recipe.epochs + 1))


def mean_weights(checkpoints: Iterable[Weights]) -> Weights:
    parts = list(checkpoints)
    return {name: torch.stack([part[name] for part in parts]).mean(dim=0) for name in parts[0]}
