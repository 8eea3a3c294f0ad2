"""The golden files and their reference scores."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image
from tqdm import tqdm

from training.imagenet.sources import PHOTOGRAPHS
from training.imagenet.variants import VARIANTS
from training.images.inference import ServedModel
from training.images.model_folder import GoldenSample
from training.images.preprocess import Preprocessor

TOLERANCE = 0.02

LICENCES_HEAD = """# Where the golden photographs come from

Every file is a photograph of one of these sources, as published or changed as its row says. CC0 1.0:
<https://creativecommons.org/publicdomain/zero/1.0/>. CC BY 2.0: <https://creativecommons.org/licenses/by/2.0/>.

"""


def golden_samples(folder: Path, served: ServedModel, preprocessor: Preprocessor) -> list[GoldenSample]:
    (folder / "golden").mkdir(parents=True, exist_ok=True)
    samples = []
    for variant in tqdm(VARIANTS, desc="golden", unit="file"):
        image = f"golden/{variant.file}"
        (folder / image).write_bytes(variant.encode(variant.source))
        sample = GoldenSample(image, served.scores(preprocessor.read(folder / image)[None])[0])
        require_clear_winner(sample)
        samples.append(sample)
    return samples


def require_clear_winner(sample: GoldenSample) -> None:
    """Two labels nearer to each other than the tolerance would make "the same top-1" a matter of chance."""
    second, first = sorted(sample.scores)[-2:]
    if first - second < TOLERANCE:
        raise ValueError(f"{sample.image}: the first label leads by {first - second:.3f} only; choose another part")


def table(folder: Path, samples: Sequence[GoldenSample], labels: Sequence[str]) -> str:
    rows = ["| file | what it is | size | reference top-1 | score |", "|---|---|---|---|---|"]
    for variant, sample in zip(VARIANTS, samples, strict=True):
        with Image.open(folder / sample.image) as image:
            size = f"{image.width}×{image.height}"
        best = int(sample.scores.argmax())
        rows.append(f"| {variant.file} | {variant.kind} | {size} | {labels[best]} | {sample.scores[best]:.3f} |")
    return "\n".join(rows)


def licences() -> str:
    sources = ["| source | subject | author | licence | origin | taken from |", "|---|---|---|---|---|---|"]
    for source in PHOTOGRAPHS.values():
        package, folder = source.package
        sources.append(
            f"| {source.name} | {source.subject} | {source.author} | {source.licence} | {source.origin} | PyPI {package}, `{folder}/{source.file}` |"
        )
    files = ["| file | source | what was changed | licence |", "|---|---|---|---|"]
    files += [f"| {each.file} | {each.photograph} | {each.kind} | {each.source.licence} |" for each in VARIANTS]
    return LICENCES_HEAD + "\n".join(sources) + "\n\n" + "\n".join(files) + "\n"
