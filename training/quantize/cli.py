"""`python -m training quantize`: compresses an exported transformer folder, or compares the ways to do it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from training.quantize.errors import QuantiseError
from training.quantize.folder import quantize_folder
from training.quantize.schemes import DEFAULT, SCHEMES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="a Hugging Face-layout folder with an fp32 model.onnx")
    parser.add_argument("--out", type=Path, help="the folder to write (default: <folder>-<scheme>)")
    parser.add_argument("--scheme", choices=list(SCHEMES), default=DEFAULT, help="default: %(default)s")
    parser.add_argument("--compare", action="store_true", help="measure every scheme instead; writes no model folder")
    parser.add_argument("--data", type=Path, help="with --compare: JSON lines with text and label")
    parser.add_argument("--limit", type=int, help="with --compare: only the first texts of the data")


def run(args: argparse.Namespace) -> None:
    try:
        if args.compare:
            _compare(args)
        else:
            out = args.out or args.folder.with_name(f"{args.folder.resolve().name}-{args.scheme}")
            model = quantize_folder(args.folder, out, args.scheme)
            print(f"{model}: {model.stat().st_size / 1e6:.1f} MB, {args.scheme}")
    except QuantiseError as error:
        sys.exit(f"error: {error}")


def _compare(args: argparse.Namespace) -> None:
    from training.quantize.compare import compare_schemes

    if args.data is None:
        raise QuantiseError("--compare needs --data: a file of JSON lines with text and label")
    table = compare_schemes(args.folder, args.data, args.out or Path("training/.cache/quantize"), args.limit)
    print(table)
