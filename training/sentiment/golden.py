"""Golden samples: test sentences, short and long, with the reference's scores, which a served file has to reproduce."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import groupby

from tokenizers import Tokenizer

from training.sentiment.data import Sentence

AS_THEY_COME = 36
ONE_WORD = 2
JOINED = 6
JOINED_TOKENS = (70, 250)


def golden_texts(test: Sequence[Sentence], tokenizer: Tokenizer) -> list[str]:
    """The hash of a sentence's name chooses, so no score can.

    tokenizer: without padding and truncation, to know how long a joined text is.
    """
    by_hash = sorted(test, key=lambda sentence: hash_of(f"{sentence.source}:{sentence.id}"))
    one_word = [sentence.text for sentence in by_hash if len(sentence.text.split()) == 1][:ONE_WORD]
    texts = [*one_word, *(sentence.text for sentence in by_hash[:AS_THEY_COME]), *joined_texts(test, tokenizer)]
    return list(dict.fromkeys(texts))


def joined_texts(test: Sequence[Sentence], tokenizer: Tokenizer) -> list[str]:
    """Consecutive sentences of one document until the text is long: the least tokens grow from sample to sample."""
    documents = [(group, list(sentences)) for group, sentences in groupby(test, key=lambda sentence: sentence.group)]
    documents.sort(key=lambda document: hash_of(document[0]))
    shortest, longest = JOINED_TOKENS
    texts: list[str] = []
    for _, sentences in documents:
        wanted = shortest + (longest - shortest) * len(texts) // JOINED
        text, tokens = "", 0
        for sentence in sentences:
            text = f"{text} {sentence.text}".strip()
            tokens = len(tokenizer.encode(text).ids)
            if tokens >= wanted:
                break
        if wanted <= tokens <= longest:
            texts.append(text)
        if len(texts) == JOINED:
            break
    return texts


def hash_of(name: str) -> str:
    return sha256(f"golden {name}".encode()).hexdigest()
