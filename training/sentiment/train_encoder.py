"""Fine-tunes version 2 on what the raters disagree about, not only on what they agree on."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm

from training.sentiment.batches import Batch, TokenisedTexts, TrainingSentences
from training.sentiment.calibration import Floats, negative_log_likelihood
from training.sentiment.data import Sentence, in_split
from training.sentiment.encoder import SentimentEncoder
from training.sentiment.evaluate import evaluate_scores, labels_of

EVALUATION_BATCH = 64
# BERT's vocabulary: [PAD] 0, [UNK] 100, [CLS] 101, [SEP] 102, [MASK] 103; word pieces follow.
UNKNOWN_ID = 100
LAST_SPECIAL_ID = 103


@dataclass(frozen=True)
class EncoderRecipe:
    """Chosen on the validation split."""

    epochs: int = 4
    batch_size: int = 32
    words_batch_size: int = 128
    """The lexicon's words are short: their own, larger batches keep their say small and cheap."""
    learning_rate: float = 1e-4
    head_learning_rate: float = 2e-4
    layer_decay: float = 0.9
    """Each layer below the top one learns by this factor less."""
    warm_up: float = 0.1
    """Share of the steps; a linear decay to 0 follows."""
    weight_decay: float = 0.01
    gradient_norm: float = 1.0
    rater_loss: float = 0.5
    """Weight of predicting how the raters spread over the nine ratings."""
    word_dropout: float = 0.0
    """Share of the word pieces that training replaces by the unknown one."""
    average_every: int = 4
    average_decay: float = 0.99
    """The exported weights are a moving average, taken every few steps."""
    seed: int = 1


@dataclass(frozen=True)
class TrainingData:
    train: TrainingSentences
    words: TrainingSentences
    validation: list[Sentence]

    def epoch(self, recipe: EncoderRecipe, order: random.Random) -> list[Batch]:
        batches = self.train.epoch(recipe.batch_size, order) + self.words.epoch(recipe.words_batch_size, order)
        order.shuffle(batches)
        return batches


def training_data(sentences: list[Sentence], words: list[Sentence]) -> TrainingData:
    train, validation = in_split(sentences, "train"), in_split(sentences, "validation")
    return TrainingData(TrainingSentences(train), TrainingSentences(words), validation)


class MovingAverage:
    """The average's memory grows with the steps until it reaches the recipe's decay, so early weights fade soon."""

    def __init__(self, model: SentimentEncoder, decay: float) -> None:
        self.model = copy.deepcopy(model)
        self._decay = decay
        self._updates = 0

    @torch.no_grad()
    def update(self, model: SentimentEncoder) -> None:
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        torch._foreach_lerp_(list(self.model.parameters()), list(model.parameters()), 1 - decay)


def train_encoder(data: TrainingData, recipe: EncoderRecipe, folder: Path) -> list[dict[str, float]]:
    """Leaves each epoch's averaged weights in the folder; returns each epoch's validation figures."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    order = random.Random(recipe.seed)
    model = SentimentEncoder().train()
    average = MovingAverage(model, recipe.average_decay)
    optimiser = torch.optim.AdamW(parameter_groups(model, recipe), weight_decay=recipe.weight_decay, fused=True)
    batches = data.epoch(recipe, order)
    schedule = warm_up_then_decay(optimiser, len(batches) * recipe.epochs, recipe.warm_up)
    history: list[dict[str, float]] = []
    steps = 0
    for epoch in range(1, recipe.epochs + 1):
        for batch in (progress := tqdm(batches, unit="batch", desc=f"epoch {epoch} of {recipe.epochs}")):
            loss = batch_loss(model, batch, recipe)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)
            steps += 1
            if steps % recipe.average_every == 0:
                average.update(model)
            progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        torch.save(average.model.state_dict(), checkpoint_path(folder, epoch))
        history.append({"epoch": epoch} | validation_figures(average.model, data.validation))
        tqdm.write(str(history[-1]))
        batches = data.epoch(recipe, order)
    return history


def checkpoint_path(folder: Path, epoch: int) -> Path:
    return folder / f"epoch-{epoch}.pt"


def parameter_groups(model: SentimentEncoder, recipe: EncoderRecipe) -> list[dict[str, object]]:
    heads = [*model.classifier.parameters(), *model.rater_head.parameters()]
    groups: list[dict[str, object]] = [{"params": heads, "lr": recipe.head_learning_rate}]
    rate = recipe.learning_rate
    for layer in reversed(model.bert.encoder.layer):
        groups.append({"params": list(layer.parameters()), "lr": rate})
        rate *= recipe.layer_decay
    groups.append({"params": list(model.bert.embeddings.parameters()), "lr": rate})
    return groups


def warm_up_then_decay(optimiser: torch.optim.Optimizer, steps: int, warm_up: float) -> LambdaLR:
    warm = max(int(steps * warm_up), 1)
    return LambdaLR(optimiser, lambda step: min((step + 1) / warm, (steps - step) / (steps - warm)))


def batch_loss(model: SentimentEncoder, batch: Batch, recipe: EncoderRecipe) -> Tensor:
    input_ids, attention_mask, token_type_ids = batch.inputs
    if recipe.word_dropout > 0:
        input_ids = with_unknown_pieces(input_ids, recipe.word_dropout)
    with torch.autocast("cpu", torch.bfloat16):
        logits, rater_logits = model.both_heads(input_ids, attention_mask, token_type_ids)
    label_loss = soft_cross_entropy(logits, batch.targets)
    return label_loss + recipe.rater_loss * soft_cross_entropy(rater_logits, batch.distribution)


def with_unknown_pieces(input_ids: Tensor, share: float) -> Tensor:
    dropped = (torch.rand(input_ids.shape) < share) & (input_ids > LAST_SPECIAL_ID)
    return torch.where(dropped, UNKNOWN_ID, input_ids)


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """A row of zeros in targets asks for nothing."""
    return -(targets * functional.log_softmax(logits.float(), dim=-1)).sum(dim=-1).mean()


def validation_figures(model: SentimentEncoder, validation: Sequence[Sentence]) -> dict[str, float]:
    logits = encoder_logits(model, [sentence.text for sentence in validation])
    evaluation = evaluate_scores(logits, validation)
    return {
        "accuracy": evaluation.accuracy,
        "polarity_accuracy": evaluation.polarity_accuracy,
        "loss": negative_log_likelihood(logits, labels_of(validation)),
    }


@torch.no_grad()
def encoder_logits(model: SentimentEncoder, texts: Sequence[str]) -> Floats:
    """fp32 logits [texts, 3], in the order of the texts."""
    was_training = model.training
    model.eval()
    tokenised = TokenisedTexts(texts)
    logits = np.zeros((len(texts), model.classifier.out_features), dtype=np.float32)
    for rows in tokenised.in_order_of_length(EVALUATION_BATCH):
        logits[rows] = model(*tokenised.inputs(rows)).numpy()
    model.train(was_training)
    return logits
