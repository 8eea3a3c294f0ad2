"""The card of a CIFAR-10 model."""

from training.images.evaluation import Evaluation
from training.images.fit import Recipe


def card(archive: str, recipe: Recipe, evaluation: Evaluation, train_items: int, validation_items: int) -> str:
    return f"""# CIFAR-10, small network

A picture, scaled to 32×32 pixels, to {len(evaluation.labels)} labels: {", ".join(evaluation.labels)}.

Accuracy on the {evaluation.items:,} test pictures: **{evaluation.accuracy:.4f}**, macro-F1 {evaluation.macro_f1:.4f}, of the served file in onnxruntime.

{evaluation.table()}

![Confusion matrix: true label by row, predicted label by column](confusion.png)

- Data: {archive}. {train_items:,} pictures trained on (data_batch_1 to 4), {validation_items:,} for validation (data_batch_5), {evaluation.items:,} held out (test_batch).
- Network: two 3×3 convolutions of 32 and 64 filters, each with 2×2 max-pooling, dense 128.
- {recipe.epochs} epochs of AdamW (one-cycle learning rate up to {recipe.learning_rate:g}, weight decay {recipe.weight_decay:g}, batches of {recipe.batch_items}, seed {recipe.seed}); pictures mirrored,
  turned by up to 5°, moved by up to 8 % and scaled by up to 10 % each time they are seen.
- Made by `python -m training cifar10`.

Licence of the weights: Apache-2.0. CIFAR-10: Learning Multiple Layers of Features from Tiny Images, Alex Krizhevsky, 2009; its page names no licence.
"""
