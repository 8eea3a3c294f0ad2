"""The committed folders agree with themselves and with the results they tell of."""

import json
from hashlib import sha256

import pytest

from training.cache import REPOSITORY
from training.sentiment.card import render_card
from training.sentiment.dataset import TEST_SPLIT
from training.sentiment.publish import MODELS
from training.sentiment.results import read_results
from training.sentiment.versions import ENCODER_METHOD, ENCODER_TITLE, LSTM_METHOD, LSTM_TITLE

CARDS = {1: (LSTM_TITLE, LSTM_METHOD), 2: (ENCODER_TITLE, ENCODER_METHOD)}
versions = pytest.mark.parametrize("version", sorted(CARDS))


@versions
def test_a_card_is_what_the_results_render(version: int) -> None:
    card = (MODELS / str(version) / "card.md").read_text(encoding="utf-8")
    assert card == render_card(*CARDS[version], read_results(version))


@versions
def test_serval_json_names_the_bytes_and_the_figures_of_the_served_file(version: int) -> None:
    folder = MODELS / str(version)
    manifest = json.loads((folder / "serval.json").read_text(encoding="utf-8"))
    results = read_results(version)
    assert manifest["sha256"] == {"model.onnx": sha256((folder / "model.onnx").read_bytes()).hexdigest()}
    assert manifest["metrics"]["accuracy"] == results["served"]["accuracy"]
    assert manifest["temperature"] == results["temperature"]


@versions
def test_golden_samples_are_at_least_forty_with_a_score_for_each_label(version: int) -> None:
    golden = json.loads((MODELS / str(version) / "golden.json").read_text(encoding="utf-8"))
    assert len(golden["samples"]) >= 40
    assert golden["tolerance"] <= (1e-4 if version == 1 else 0.15)
    for sample in golden["samples"]:
        assert sum(sample["scores"]) == pytest.approx(1, abs=1e-4)


@versions
def test_no_file_names_a_folder_of_the_machine_that_made_it(version: int) -> None:
    for path in (MODELS / str(version)).iterdir():
        content = path.read_bytes()
        assert b"site-packages" not in content, path.name
        assert str(REPOSITORY).encode() not in content, path.name


def test_the_test_split_is_whole() -> None:
    rows = [json.loads(line) for line in TEST_SPLIT.read_text(encoding="utf-8").split("\n") if line]
    assert len(rows) == read_results(2)["split"]["test"]
    assert len({(row["source"], row["id"]) for row in rows}) == len(rows)
