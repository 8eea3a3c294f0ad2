"""`python -m training mnist`: fetch the digits, train both networks, export, evaluate the served files, write the folders."""

import argparse
from pathlib import Path

import torch

from training.cache import REPOSITORY
from training.mnist.digits import load_digits, split
from training.mnist.publish import publish_test_part
from training.mnist.version import VERSIONS, build_version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models", help="the folder that receives mnist/1 and mnist/2")
    parser.add_argument("--datasets", type=Path, default=REPOSITORY / "datasets", help="the folder that receives mnist/, the held-out digits")
    parser.add_argument("--threads", type=int, default=1, help="threads of PyTorch; another number changes the figures slightly")


def run(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    parts = split(load_digits())
    publish_test_part(args.datasets / "mnist", parts.test)
    for version in VERSIONS:
        evaluation = build_version(args.out / "mnist" / str(version.number), version, parts)
        print(f"mnist/{version.number}: accuracy {evaluation.accuracy:.4f} on {evaluation.items} held-out digits")
