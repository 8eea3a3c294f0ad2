"""What every Python peer does with the model: the same lines in each framework's idiom around it.

Environment: MODEL (a version's folder), KIND (text or images).
"""

import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image, ImageOps
from tokenizers import Tokenizer

FOLDER = Path(os.environ.get("MODEL", "."))
KIND = os.environ.get("KIND", "text")
TOP_K = 5


def load_session() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(FOLDER / "model.onnx"), options, providers=["CPUExecutionProvider"])


class Classifier:
    """Encodes inputs, runs the graph, makes labels and scores of the logits."""

    def __init__(self) -> None:
        config = json.loads((FOLDER / "config.json").read_text())
        self.labels = [config["id2label"][str(index)] for index in range(len(config["id2label"]))]
        self.session = load_session()
        if KIND == "text":
            self.tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
            self.tokenizer.no_padding()
            limit = json.loads((FOLDER / "tokenizer_config.json").read_text())["model_max_length"]
            self.tokenizer.enable_truncation(limit)
        else:
            preprocessor = json.loads((FOLDER / "preprocessor_config.json").read_text())
            self.edge = preprocessor["size"]["shortest_edge"]
            self.crop = preprocessor["crop_size"]["height"]
            self.scale = np.float32(preprocessor["rescale_factor"])
            self.mean = np.array(preprocessor["image_mean"], np.float32)
            self.std = np.array(preprocessor["image_std"], np.float32)

    def encode(self, value):
        """A text to its ids, an image file to [3, height, width]."""
        return self.tokenizer.encode(value).ids if KIND == "text" else self.pixels(value)

    def pixels(self, file: bytes) -> np.ndarray:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
        image = image.convert("RGB")
        width, height = image.size
        factor = self.edge / min(width, height)
        width, height = max(self.edge, int(width * factor)), max(self.edge, int(height * factor))
        image = image.resize((width, height), Image.Resampling.BICUBIC)
        left, top = (width - self.crop) // 2, (height - self.crop) // 2
        image = image.crop((left, top, left + self.crop, top + self.crop))
        array = np.asarray(image, np.float32) * self.scale
        return ((array - self.mean) / self.std).transpose(2, 0, 1)

    def run(self, items: list) -> np.ndarray:
        """Encoded items, padded to the longest, to logits [items, labels]."""
        if KIND == "images":
            feeds = {"pixel_values": np.stack(items).astype(np.float32)}
        else:
            length = max(len(ids) for ids in items)
            ids = np.zeros((len(items), length), np.int64)
            mask = np.zeros((len(items), length), np.int64)
            for row, item in enumerate(items):
                ids[row, : len(item)] = item
                mask[row, : len(item)] = 1
            feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self.session.run(["logits"], feeds)[0]

    def decode(self, logits: np.ndarray) -> list[dict]:
        """One item's logits to its best labels with their scores."""
        exps = np.exp(logits - logits.max())
        scores = exps / exps.sum()
        best = np.argsort(-scores)[:TOP_K]
        return [{"label": self.labels[index], "score": float(scores[index])} for index in best]
