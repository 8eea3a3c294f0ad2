"""Accuracy, precision, recall and the confusion matrix, as numbers, as a Markdown table and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Evaluation:
    labels: Sequence[str]
    confusion: Counts
    """[true label, predicted label]: number of items."""

    @classmethod
    def of(cls, labels: Sequence[str], truth: Counts, predicted: Counts) -> "Evaluation":
        confusion = np.zeros((len(labels), len(labels)), dtype=np.int64)
        np.add.at(confusion, (truth, predicted), 1)
        return cls(labels, confusion)

    @property
    def items(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.confusion) / self.items)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Of what was given a label, the share that has it; 0 for a label that was never given."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Of what has a label, the share that was given it; 0 for a label without items."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def macro_f1(self) -> float:
        return float(_share(2 * self.precision * self.recall, self.precision + self.recall).mean())

    def table(self) -> str:
        rows = zip(self.labels, self.confusion.sum(axis=1), self.precision, self.recall, strict=True)
        head = ["| label | items | precision | recall |", "|---|---|---|---|"]
        return "\n".join(head + [f"| {label} | {n} | {precision:.4f} | {recall:.4f} |" for label, n, precision, recall in rows])

    def picture(self, path: Path) -> None:
        """Cells are coloured by their share of the true label, and carry the number of items."""
        share = self.confusion / np.maximum(self.confusion.sum(axis=1, keepdims=True), 1)
        with matplotlib.rc_context({"font.size": 9}):
            figure = Figure(figsize=(5.6, 5.4), layout="constrained")
            axes = figure.add_subplot()
            axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
            for row, column in np.argwhere(self.confusion > 0):
                colour = "white" if share[row, column] > 0.5 else "black"
                axes.text(column, row, str(self.confusion[row, column]), ha="center", va="center", color=colour)
            axes.set_xticks(range(len(self.labels)), self.labels, rotation=45 if max(map(len, self.labels)) > 3 else 0)
            axes.set_yticks(range(len(self.labels)), self.labels)
            axes.set(xlabel="predicted", ylabel="true", title=f"{self.items} held-out images, accuracy {self.accuracy:.4f}")
            figure.savefig(path, dpi=110, metadata={"Software": None})


def _share(part: NDArray[np.number], whole: NDArray[np.number]) -> NDArray[np.float64]:
    share = np.zeros(len(part))
    np.divide(part, whole, out=share, where=whole > 0)
    return share
