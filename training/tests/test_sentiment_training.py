from pathlib import Path

import pytest
import torch

from training.sentiment.data import Sentence
from training.sentiment.encoder import SentimentEncoder
from training.sentiment.soup import mean_weights, run_weights, train_run
from training.sentiment.train_encoder import EncoderRecipe, encoder_logits, training_data, with_unknown_pieces

RECIPE = EncoderRecipe(epochs=2, batch_size=4, words_batch_size=4, average_every=1, word_dropout=0.1)


def rated(split_document: str, text: str, rating: int) -> Sentence:
    return Sentence(f"{split_document}_{rating}", "tweets", text, float(rating), (rating,) * 20)


def test_a_run_keeps_each_epoch_and_is_not_trained_twice(tmp_path: Path) -> None:
    train = [rated("1", text, rating) for text, rating in (("great film", 3), ("an awful film", -3), ("a film", 0))]
    validation = [rated("3", "a great plot", 3), rated("3", "an awful plot", -3)]
    data = training_data([*train, *validation], [Sentence("good", "lexicon", "good", 2.0, (2,) * 10)])
    run = train_run(data, RECIPE, tmp_path, reuse=False)
    assert [figures["epoch"] for figures in run.epochs] == [1, 2]
    assert train_run(data, RECIPE, tmp_path, reuse=True) == run
    model = SentimentEncoder()
    model.load_state_dict(run_weights(run))
    texts = ["a great plot", "an awful plot that goes on and on"]
    assert encoder_logits(model, texts)[0] == pytest.approx(encoder_logits(model, texts[:1])[0], abs=1e-5)


def test_the_mean_of_weights_is_taken_name_by_name() -> None:
    mean = mean_weights([{"w": torch.tensor([1.0, 2.0])}, {"w": torch.tensor([3.0, 6.0])}])
    assert mean["w"].tolist() == [2.0, 4.0]


def test_word_dropout_spares_special_pieces() -> None:
    ids = torch.tensor([[101, 2023, 3185, 102, 0]])
    assert with_unknown_pieces(ids, 1.0).tolist() == [[101, 100, 100, 102, 0]]
    assert with_unknown_pieces(ids, 0.0).tolist() == ids.tolist()
