"""card.md: what a version is, how it was made and what it is worth, written from the measured results alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from training.quantize.schemes import DEFAULT as SCHEME
from training.sentiment.calibration import BINS
from training.sentiment.labels import LABELS
from training.sentiment.model_folder import LICENCE
from training.sentiment.results import Results

SOURCE_NAMES = {
    "movieReviewSnippets": "movie reviews",
    "amazonReviewSnippets": "product reviews",
    "nytEditorialSnippets": "editorials",
    "tweets": "tweets",
}

DATA = """\
23,703 English sentences, each rated from -4 to 4 by 15 to 99 people, that accompany VADER (MIT; Hutto & Gilbert, ICWSM
2014; source archive of PyPI `vaderSentiment==2.5`): movie reviews, product reviews, newspaper editorials and tweets.
A mean rating ≤ -0.5 is negative, ≥ 0.5 positive, anything between neutral. The sentences of one document stay on one side
of the split: {train:,} to train on, {validation:,} for every choice, {test:,} for the figures below, read once, at the end."""

QUALITY_NOTES = """\
Three-way accuracy and macro-F1 count all {items:,} sentences; polarity counts the {clear_items:,} clear ones, |mean rating| ≥ 0.5:
right where the higher of the negative and the positive score is on the raters' side. VADER's rules label by its authors'
thresholds (compound ≥ 0.05, ≤ -0.05) and lean positive above 0. ECE: expected calibration error over {bins} equally wide bins
of confidence; the temperature, {temperature:.3f}, was fitted on the validation split."""

COMPRESSION_NOTES = """\
Test split, {texts:,} texts of {tokens_on_average:.0f} tokens on average, ONNX Runtime {onnxruntime}, one thread, {machine}, on a machine
that had other work too: milliseconds of processor time an item, and how many times as fast as the first row. A flip is another
label, a move the largest change of any score, before temperature. Served is the fastest of the schemes whose scores do not
depend on the batch and whose sums cannot overflow on CPUs without VNNI (7-bit weights). `python -m training quantize` makes
and compares them."""

LIMITS = """\
English sentences and short paragraphs; other languages, irony and long documents were not measured. Raters disagree most
about mild texts, so neutral is the weakest label and editorials are the weakest source."""


def render_card(title: str, method: str, results: Results) -> str:
    parts = [
        f"# {title}",
        f"Licence: {LICENCE}; notices in LICENSE.",
        "## Data",
        DATA.format(**results["split"]),
        "## Training",
        method,
        training_table(results),
        training_notes(results),
        "## Quality on the test split",
        quality_table(results),
        QUALITY_NOTES.format(bins=BINS, temperature=results["temperature"], **results["served"]),
        served_line(results),
        label_table(results["served"]),
        confusion_table(results["served"]),
        *compression_parts(results),
        "## Golden samples",
        golden_line(results["golden"]),
        "## Limits",
        LIMITS,
    ]
    return "\n\n".join(parts) + "\n"


def training_table(results: Results) -> str:
    """A column a run."""
    runs = results["runs"]
    rows = [[name.replace("_", " "), *(f"`{run['recipe'][name]}`" for run in runs)] for name in runs[0]["recipe"]]
    rows.append(["time, minutes", *(f"{run['seconds'] / 60:.0f}" for run in runs)])
    for epoch in range(max(len(run["epochs"]) for run in runs)):
        figures = [run["epochs"][epoch] if epoch < len(run["epochs"]) else None for run in runs]
        rows.append([f"after epoch {epoch + 1}", *map(validation_cell, figures)])
    return table(["setting", *(f"run {number}" for number in range(1, len(runs) + 1))], rows)


def training_notes(results: Results) -> str:
    notes = f"Trained with {results['machine']}. Figures after an epoch are of the validation split: accuracy / loss"
    mixed = results.get("mixed")
    return f"{notes}." if mixed is None else f"{notes}; of the mean of the runs: {validation_cell(mixed)}."


def validation_cell(figures: Mapping[str, float] | None) -> str:
    return "" if figures is None else f"{figures['accuracy']:.4f} / {figures['loss']:.4f}"


def quality_table(results: Results) -> str:
    served, reference, vader = results["served"], results["reference"], results["vader"]
    columns = [served, reference, vader]
    header = ["", "served file", "PyTorch fp32", "VADER's rules", "majority label"]
    rows = [
        ["three-way accuracy", *cells(columns, "accuracy"), f"{results['majority']:.4f}"],
        ["macro-F1", *cells(columns, "macro_f1"), ""],
        ["polarity on clear items", *cells(columns, "polarity_accuracy"), ""],
        *[
            [f"accuracy, {name}", *(f"{column['sources'][source]:.4f}" for column in columns), ""]
            for source, name in SOURCE_NAMES.items()
        ],
        ["ECE before temperature", *cells([served, reference], "ece_before_temperature"), "", ""],
        ["ECE after temperature", *cells([served, reference], "ece_after_temperature"), "", ""],
    ]
    return table(header, rows)


def cells(columns: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [f"{column[key]:.4f}" for column in columns]


def label_table(evaluation: Mapping[str, Any]) -> str:
    rows = [
        [label, *(f"{quality[key]:.4f}" for key in ("precision", "recall", "f1")), str(quality["items"])]
        for label, quality in evaluation["labels"].items()
    ]
    return table(["label (served file)", "precision", "recall", "F1", "sentences"], rows)


def confusion_table(evaluation: Mapping[str, Any]) -> str:
    rows = [[label, *map(str, counts)] for label, counts in zip(LABELS, evaluation["confusion"], strict=True)]
    return table(["raters say ↓, model says →", *LABELS], rows)


def compression_parts(results: Results) -> list[str]:
    """results["compression"]: the report of `python -m training quantize --compare`."""
    report = results["compression"]
    if report is None:
        return []
    header = ["", "MB", "accuracy", "ms alone", "ms in sorted 16s", "against fp32", "alone against a random 16"]
    rows = [
        [
            name if name != SCHEME else f"**{name}** (served)",
            f"{scheme['megabytes']:.1f}",
            f"{scheme['accuracy']:.4f}",
            speed_cell(scheme["alone"]),
            speed_cell(scheme["sorted_batches_of_16"]),
            change_cell(scheme["against_fp32"]),
            change_cell(scheme["in_random_batches_of_16"]),
        ]
        for name, scheme in report["schemes"].items()
    ]
    return ["## Compression", table(header, rows), COMPRESSION_NOTES.format(**report)]


def speed_cell(speed: Mapping[str, float]) -> str:
    return f"{speed['milliseconds']:.2f} ({speed['ratio']:.2f} ×)"


def change_cell(change: Mapping[str, float]) -> str:
    return f"{change['flips_percent']:.2f} % flips, move {change['largest_score_move']:.4f}"


def served_line(results: Results) -> str:
    against = results["served_against_reference"]
    return (
        f"The served file has {results['bytes'] / 1e6:.1f} MB. Against the PyTorch fp32 reference, {against['label_flips']:.2%} of "
        f"the labels differ, and no score moves by more than {against['largest_move']:.2g}."
    )


def golden_line(golden: Mapping[str, Any]) -> str:
    return (
        f"{golden['samples']} test sentences and passages, chosen by hash, with the scores of {golden['reference']}. "
        f"Largest move of a score in the served file: {golden['largest_move']:.2g}; tolerance {golden['tolerance']:g}."
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
