"""fp32 beside static int8: what compression would cost and bring, measured on the golden photographs."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from training.images.inference import Scores, ServedModel
from training.images.preprocess import Pixels

RUNS = 60
BATCH = 8


@dataclass(frozen=True)
class Measured:
    name: str
    megabytes: float
    alone_ms: float
    batched_ms: float
    """For each item of a batch of 8."""
    scores: Scores

    @classmethod
    def of(cls, name: str, path: Path, items: Pixels) -> "Measured":
        served = ServedModel(path)
        return cls(
            name,
            path.stat().st_size / 1e6,
            served.milliseconds(items[:1], RUNS),
            served.milliseconds(items[:BATCH], RUNS // 4) / BATCH,
            np.concatenate([served.scores(item[None]) for item in items]),
        )

    def row(self, reference: Scores) -> str:
        """Speed and size, and how far the scores are from those of the reference."""
        same = int((self.scores.argmax(axis=1) == reference.argmax(axis=1)).sum())
        largest = np.abs(self.scores - reference).max()
        return (
            f"| {self.name} | {self.megabytes:.1f} | {self.alone_ms:.1f} | {self.batched_ms:.1f} | {same} of {len(reference)} | {largest:.2f} |"
        )


class Photographs(CalibrationDataReader):
    def __init__(self, items: Pixels) -> None:
        self._feeds: Iterator[dict[str, Pixels]] = iter([{"pixel_values": item[None]} for item in items])

    def get_next(self) -> dict[str, Pixels] | None:
        return next(self._feeds, None)


def compare(model: Path, items: Pixels) -> str:
    """A table; the int8 model is calibrated on the same photographs, which flatters it."""
    fp32 = Measured.of("fp32", model, items)
    with tempfile.TemporaryDirectory() as folder:
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(model, prepared)
        quantize_static(
            prepared,
            quantised,
            Photographs(items),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        int8 = Measured.of("static int8 (QDQ, a scale per channel)", quantised, items)
    head = ["| format | MB | ms alone | ms an item, batch of 8 | same top-1 | largest move of a score |", "|---|---|---|---|---|---|"]
    return "\n".join(head + [each.row(fp32.scores) for each in (fp32, int8)])
