"""`python -m training <command>`: one subcommand for each bundled model, and the quantiser.

A command's module holds `add_arguments(parser)` and `run(args)`. It is imported only when its command is asked for,
so that `quantize` starts without torch, and `mnist` without transformers.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    module: str
    help: str


COMMANDS = {
    "sentiment": Command("training.sentiment.cli", "train, evaluate and export the sentiment models"),
    "quantize": Command("training.quantize.cli", "compress an exported transformer folder to per-token int8"),
    "mnist": Command("training.mnist", "train and export the handwritten-digit model"),
    "imagenet": Command("training.imagenet", "convert and export EfficientNet-Lite0"),
    "cifar10": Command("training.cifar10", "train and export the CIFAR-10 model"),
}


def main(argv: Sequence[str] | None = None) -> None:
    arguments = sys.argv[1:] if argv is None else list(argv)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.help)
        if arguments[:1] == [name]:
            module = importlib.import_module(command.module)
            module.add_arguments(subparser)
            subparser.set_defaults(run=module.run)
    args = parser.parse_args(arguments)
    args.run(args)


if __name__ == "__main__":
    main()
