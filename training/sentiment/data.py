"""The human-rated sentences and words inside the source archive of vaderSentiment 2.5 (MIT)."""

import ast
import html
import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from training.cache import CACHE
from training.sentiment.labels import label_of
from training.sentiment.split import Split, group_of, split_of

SOURCES = ("movieReviewSnippets", "amazonReviewSnippets", "nytEditorialSnippets", "tweets")
PACKAGE = "vaderSentiment==2.5"
ARCHIVE = "vaderSentiment-2.5.tar.gz"
RATED_ARCHIVE = "vaderSentiment-2.5/additional_resources/hutto_ICWSM_2014.tar.gz"
RATED_FOLDER = "hutto_ICWSM_2014"
VADER_FOLDER = CACHE / "vader"
EXPECTED_SENTENCES = 23_703


@dataclass(frozen=True)
class Sentence:
    id: str
    source: str
    text: str
    rating: float
    """Mean of the human ratings, from -4 to 4."""
    ratings: tuple[int, ...]
    """Every rater's value; empty where the archive's raw ratings belong to another text."""

    @property
    def label(self) -> int:
        return label_of(self.rating)

    @property
    def group(self) -> str:
        return group_of(self.source, self.id)

    @property
    def split(self) -> Split:
        return split_of(self.group)


class RatedArchive:
    """Reads the text files of the archive inside the archive, without unpacking either."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as package:
            inner = io.BytesIO(read_member(package, RATED_ARCHIVE))
        with tarfile.open(fileobj=inner) as rated:
            self._files = {
                Path(member.name).name: read_member(rated, member.name)
                for member in rated.getmembers()
                if member.name.startswith(RATED_FOLDER) and member.name.endswith(".txt")
            }

    def rows(self, name: str, encoding: str = "utf-8-sig") -> list[list[str]]:
        lines = self._files[name].decode(encoding).split("\r\n")
        return [line.split("\t") for line in lines if line.strip()]


def read_member(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise FileNotFoundError(f"{name} is not a file of the archive")
    return member.read()


def open_archive(folder: Path = VADER_FOLDER) -> RatedArchive:
    return RatedArchive(download(folder))


def download(folder: Path) -> Path:
    """Fetches the package's source archive with pip, once."""
    archive = folder / ARCHIVE
    if not archive.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps", PACKAGE]
        environment = os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        subprocess.run(command, cwd=folder, check=True, env=environment)
    return archive


def read_sentences(archive: RatedArchive) -> list[Sentence]:
    """All sentences, in the order of SOURCES and of their files."""
    sentences = [sentence for source in SOURCES for sentence in read_source(archive, source)]
    if len(sentences) != EXPECTED_SENTENCES:
        raise ValueError(f"{ARCHIVE} holds {len(sentences)} sentences instead of {EXPECTED_SENTENCES}")
    return sentences


def read_source(archive: RatedArchive, source: str) -> Iterable[Sentence]:
    raw = {row[0]: row for row in archive.rows(f"{source}_anonDataRatings.txt")}
    for sentence_id, mean, text in archive.rows(f"{source}_GroundTruth.txt"):
        rating = float(mean)
        _, raw_mean, _, raw_ratings = raw[sentence_id]
        # 199 tweets' raw ratings carry another tweet's number: their mean gives them away.
        same_text = abs(float(raw_mean) - rating) < 1e-3
        ratings = parse_ratings(raw_ratings) if same_text else ()
        yield Sentence(sentence_id, source, html.unescape(text), rating, ratings)


def read_words(archive: RatedArchive) -> list[Sentence]:
    """The lexicon's words, each judged by 10 raters: a help in training, never in a split."""
    return [
        Sentence(word, "lexicon", word, float(mean), parse_ratings(ratings))
        for word, mean, _, ratings in archive.rows("vader_sentiment_lexicon.txt", encoding="latin-1")
        if word.replace("'", "").replace("-", "").isalpha()
    ]


def parse_ratings(text: str) -> tuple[int, ...]:
    return tuple(int(value) for value in ast.literal_eval(text))


def in_split(sentences: Iterable[Sentence], split: Split) -> list[Sentence]:
    return [sentence for sentence in sentences if sentence.split == split]
