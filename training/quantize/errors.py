"""What can be wrong with a folder that is to be quantised, said so that its owner can put it right."""

from __future__ import annotations

from pathlib import Path


class QuantiseError(Exception):
    """The folder cannot be quantised as it is; the message says what to change."""


class NothingToQuantiseError(QuantiseError):
    def __init__(self, model_file: Path) -> None:
        super().__init__(
            f"{model_file.name}: no MatMul or Gemm with a constant fp32 matrix worth quantising. "
            "Is it already quantised, or optimised with its weights inside com.microsoft.Attention? "
            "Start from the plain fp32 export."
        )
