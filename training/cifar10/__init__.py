"""The small CIFAR-10 network. The data cannot be fetched from a package registry: the user names a folder that holds it."""

from training.cifar10.cli import add_arguments, run

__all__ = ["add_arguments", "run"]
