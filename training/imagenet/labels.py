"""The 1,000 classes in words: the first lemma of each WordNet synset, told apart where two classes share it."""

from collections.abc import Mapping

from training.imagenet.packages import packaged

PACKAGE = "timm"
SYNSETS = "timm/data/_info/imagenet_synsets.txt"
LEMMAS = "timm/data/_info/imagenet_synset_to_lemma.txt"

SHARED_LEMMAS = {
    "n02012849": "crane (bird)",
    "n03126707": "crane (machine)",
    "n02113186": "Cardigan Welsh corgi",
    "n02963159": "cardigan",
    "n03710637": "maillot (tights)",
    "n03710721": "maillot (swimsuit)",
}
"""Upper and lower case do not tell two labels apart."""


def load_labels() -> list[str]:
    synsets = packaged(PACKAGE, SYNSETS).read_text("utf-8").split()
    lines = packaged(PACKAGE, LEMMAS).read_text("utf-8").splitlines()
    lemmas = dict(line.split("\t", 1) for line in lines)
    return [label_of(synset, lemmas) for synset in synsets]


def label_of(synset: str, lemmas: Mapping[str, str]) -> str:
    """`lemmas` holds "tench, Tinca tinca" for a synset."""
    return SHARED_LEMMAS.get(synset, lemmas[synset].split(", ", 1)[0])
