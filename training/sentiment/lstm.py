"""Version 1's network, the classic baseline: Embedding 32 → LSTM 128 → softmax, over 100 word ids."""

import torch
from tokenizers import Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import WordPiece
from torch import Tensor, nn

from training.sentiment.labels import LABELS

WORDS = 100
EMBEDDING_WIDTH = 32
STATE_WIDTH = 128
PADDING_ID = 0
PADDING, UNKNOWN = "[PAD]", "[UNK]"


class SentimentLstm(nn.Module):
    """input_ids [batch, 100] → probabilities [batch, 3].

    Padding follows the words and is never read: the state is taken after the last word, not after the last step.
    """

    def __init__(self, vocabulary_size: int, dropout: float) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, EMBEDDING_WIDTH, padding_idx=PADDING_ID)
        self.lstm = nn.LSTM(EMBEDDING_WIDTH, STATE_WIDTH, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(STATE_WIDTH, len(LABELS))

    def forward(self, input_ids: Tensor) -> Tensor:
        states, _ = self.lstm(self.dropout(self.embedding(input_ids)))
        last_word = ((input_ids != PADDING_ID).sum(dim=1) - 1).clamp(min=0)
        index = last_word.view(-1, 1, 1).expand(-1, 1, STATE_WIDTH)
        state = states.gather(1, index)[:, 0]
        return torch.softmax(self.classifier(self.dropout(state)), dim=-1)


def word_tokenizer(texts: list[str], vocabulary_size: int) -> Tokenizer:
    """The most frequent words of the texts, lower-cased; any other word is unknown.

    A WordPiece vocabulary without continuation pieces matches whole words only. Padding and truncation to 100 are
    part of the file, so that any reader of tokenizer.json makes the ids that the network expects.
    """
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts: dict[str, int] = {}
    for text in texts:
        for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text)):
            counts[word] = counts.get(word, 0) + 1
    frequent = sorted(counts, key=lambda word: (-counts[word], word))
    words = [PADDING, UNKNOWN, *frequent][:vocabulary_size]
    tokenizer = Tokenizer(WordPiece({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.enable_padding(length=WORDS, pad_id=PADDING_ID, pad_token=PADDING)
    tokenizer.enable_truncation(WORDS)
    return tokenizer
