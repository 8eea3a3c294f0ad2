"""The handwritten digits: a dense network as version 1, a convolutional one as version 2."""

from training.mnist.cli import add_arguments, run

__all__ = ["add_arguments", "run"]
