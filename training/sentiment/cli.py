"""`python -m training sentiment`: trains a version and shows its validation figures; with --publish also its test figures."""

import argparse

import torch

from training.sentiment.data import open_archive, read_sentences
from training.sentiment.dataset import write_test_split
from training.sentiment.publish import publish
from training.sentiment.versions import encoder_candidate, lstm_candidate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--version", type=int, choices=(1, 2), default=2, help="1: LSTM, 2: all-MiniLM-L6-v2 (default)")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's own number")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default: 2)")
    parser.add_argument("--reuse", action="store_true", help="keep finished runs of version 2 from the cache")
    parser.add_argument("--publish", action="store_true", help="read the test split and complete the version's folder")


def run(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    archive = open_archive()
    sentences = read_sentences(archive)
    if args.version == 1:
        candidate = lstm_candidate(sentences, args.epochs)
    else:
        candidate = encoder_candidate(archive, sentences, args.epochs, args.reuse)
    print(candidate.training.get("mixed", candidate.training["runs"][0]["epochs"]))
    if args.publish:
        write_test_split(sentences)
        results = publish(candidate, sentences)
        print({name: results["served"][name] for name in ("accuracy", "macro_f1", "polarity_accuracy")})
