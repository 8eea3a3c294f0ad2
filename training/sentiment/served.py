"""A finished model folder as a server reads it: its own tokenizer, maximum and graph, one text at a time."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer
from tqdm import tqdm

from training.sentiment.calibration import Floats


class ServedModel:
    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self._inputs = [node.name for node in self._session.get_inputs()]
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        self._tokenizer.enable_truncation(settings["model_max_length"])

    def logits(self, texts: Sequence[str]) -> Floats:
        """[texts, labels]; each text runs alone. Of a graph that ends in softmax, the logarithms of its probabilities."""
        outputs = [self._run(self._tokenizer.encode(text)) for text in tqdm(texts, unit="text", desc="served file")]
        values = np.concatenate(outputs)
        return np.log(values) if self._session.get_outputs()[0].name == "probabilities" else values

    def _run(self, encoding: Encoding) -> Floats:
        columns = {"input_ids": encoding.ids, "attention_mask": encoding.attention_mask, "token_type_ids": encoding.type_ids}
        return self._session.run(None, {name: np.array([columns[name]], dtype=np.int64) for name in self._inputs})[0]
