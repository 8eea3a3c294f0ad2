from pathlib import Path

import torch
from tokenizers import Tokenizer

from training.sentiment.lstm import PADDING_ID, WORDS, SentimentLstm, word_tokenizer
from training.sentiment.train_lstm import lstm_scores, trimmed, word_ids

TEXTS = ["The plot drags, but the acting is superb.", "the the plot"]


def test_words_are_whole_lower_cased_and_always_a_hundred(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    word_tokenizer(TEXTS, vocabulary_size=50).save(str(file))
    tokenizer = Tokenizer.from_file(str(file))
    encoding = tokenizer.encode("THE plot, unheard " + "the " * 200)
    assert encoding.tokens[:4] == ["the", "plot", ",", "[UNK]"]
    assert len(encoding.ids) == WORDS
    assert tokenizer.encode("the").ids == [2] + [PADDING_ID] * (WORDS - 1)


def test_the_most_frequent_words_make_the_vocabulary() -> None:
    assert word_tokenizer(TEXTS, vocabulary_size=4).get_vocab() == {"[PAD]": 0, "[UNK]": 1, "the": 2, "plot": 3}


def test_padding_and_neighbours_do_not_change_a_text() -> None:
    tokenizer = word_tokenizer(TEXTS, vocabulary_size=50)
    model = SentimentLstm(tokenizer.get_vocab_size(), dropout=0.5)
    ids = word_ids(TEXTS, tokenizer)
    together = lstm_scores(model, ids)
    alone = torch.cat([lstm_scores(model, trimmed(ids[row : row + 1])) for row in range(len(TEXTS))])
    torch.testing.assert_close(together, alone, atol=1e-6, rtol=0)
    torch.testing.assert_close(together.sum(dim=1), torch.ones(len(TEXTS)))
