"""The served file in onnxruntime on one thread, as a worker runs it."""

import time
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from training.images.preprocess import Pixels

Scores = NDArray[np.float32]
BATCH = 64


class ServedModel:
    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def logits(self, pixels: Pixels) -> Scores:
        """@param pixels: [batch, channels, height, width]"""
        logits: Scores = self._session.run(["logits"], {"pixel_values": pixels})[0]
        return logits

    def scores(self, pixels: Pixels) -> Scores:
        return softmax(self.logits(pixels))

    def labels(self, pixels: Pixels) -> NDArray[np.int64]:
        """The likeliest label of each of many items."""
        batches = [pixels[first : first + BATCH] for first in range(0, len(pixels), BATCH)]
        return np.concatenate([self.logits(batch).argmax(axis=1) for batch in tqdm(batches, desc="evaluate", unit="batch")])

    def milliseconds(self, pixels: Pixels, runs: int) -> float:
        """The quickest of the runs on `pixels`: what else the machine does can only make a run slower."""
        return 1000 * min(self._seconds(pixels) for _ in range(runs))

    def _seconds(self, pixels: Pixels) -> float:
        start = time.perf_counter()
        self.logits(pixels)
        return time.perf_counter() - start


def softmax(logits: Scores) -> Scores:
    exponentials: Scores = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials
