"""Labelled texts as a server would feed them: the folder's own tokenizer and maximum, padded to the longest of a batch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from training.quantize.errors import QuantiseError

Feed = dict[str, NDArray[np.int64]]
_LONGEST = 512  # where neither tokenizer_config.json nor config.json names a smaller maximum


class Samples:
    """
    encodings: one for each text; labels: their label ids.
    """

    def __init__(self, folder: Path, data: Path, limit: int | None = None) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        rows = [json.loads(line) for line in data.read_text("utf-8").splitlines()[:limit]]
        ids = {name: int(number) for number, name in config["id2label"].items()}
        unknown = {row["label"] for row in rows} - ids.keys()
        if unknown:
            raise QuantiseError(f"{data}: labels {sorted(unknown)} are not in config.json's id2label")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(_longest(folder, config))
        self._padding = int(config.get("pad_token_id") or 0)
        self.encodings: list[Encoding] = tokenizer.encode_batch([row["text"] for row in rows])
        self.labels = np.array([ids[row["label"]] for row in rows])

    def by_length(self) -> NDArray[np.intp]:
        return np.argsort([len(encoding.ids) for encoding in self.encodings], kind="stable")

    def feed(self, items: Sequence[int], names: Sequence[str]) -> Feed:
        """The named inputs [items, tokens] of some samples."""
        chosen = [self.encodings[item] for item in items]
        shape = len(chosen), max(len(encoding.ids) for encoding in chosen)
        feed = {
            "input_ids": np.full(shape, self._padding, np.int64),
            "attention_mask": np.zeros(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64),
        }
        for row, encoding in enumerate(chosen):
            size = len(encoding.ids)
            feed["input_ids"][row, :size] = encoding.ids
            feed["attention_mask"][row, :size] = 1
            feed["token_type_ids"][row, :size] = encoding.type_ids
        return {name: feed[name] for name in names}


def scores(session: onnxruntime.InferenceSession, feed: Feed) -> NDArray[np.float64]:
    """Softmax of the graph's first output [items, labels]."""
    logits = session.run(None, feed)[0].astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _longest(folder: Path, config: dict[str, object]) -> int:
    settings_file = folder / "tokenizer_config.json"
    settings = json.loads(settings_file.read_text("utf-8")) if settings_file.is_file() else {}
    named = (settings.get("model_max_length"), config.get("max_position_embeddings"), _LONGEST)
    return int(min(number for number in named if number))
