import pytest

from training.sentiment.data import Sentence, read_source, read_words
from training.sentiment.dataset import row_of
from training.sentiment.golden import golden_texts
from training.sentiment.labels import NEGATIVE, NEUTRAL, POSITIVE, label_of, panel_target, rating_distribution
from training.sentiment.split import group_of, split_of


class FakeArchive:
    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def rows(self, name: str, encoding: str = "utf-8-sig") -> list[list[str]]:
        return [line.split("\t") for line in self._files[name].split("\n")]


def test_a_group_is_the_document_of_a_sentence() -> None:
    assert group_of("nytEditorialSnippets", "12_3") == group_of("nytEditorialSnippets", "12_4") == "nytEditorialSnippets:12"
    assert group_of("tweets", "12") != group_of("movieReviewSnippets", "12")


def test_the_split_of_a_document_never_changes() -> None:
    assert split_of("tweets:1") == "train"
    assert split_of("tweets:3") == "validation"
    assert split_of("tweets:2") == "test"


def test_the_split_has_the_shares_it_names() -> None:
    splits = [split_of(f"movieReviewSnippets:{number}") for number in range(10_000)]
    assert splits.count("test") / len(splits) == pytest.approx(0.15, abs=0.01)
    assert splits.count("validation") / len(splits) == pytest.approx(0.07, abs=0.01)


@pytest.mark.parametrize(
    ("rating", "label"),
    [(-4.0, NEGATIVE), (-0.5, NEGATIVE), (-0.49, NEUTRAL), (0.0, NEUTRAL), (0.49, NEUTRAL), (0.5, POSITIVE), (4.0, POSITIVE)],
)
def test_labels_begin_at_half_a_point(rating: float, label: int) -> None:
    assert label_of(rating) == label


def test_a_panel_target_leans_to_the_label_and_adds_up() -> None:
    at_threshold = panel_target(0.5, (0, 1) * 10)
    assert sum(at_threshold) == pytest.approx(1)
    assert at_threshold[POSITIVE] > at_threshold[NEUTRAL] > at_threshold[NEGATIVE]
    assert panel_target(2.0, (2,) * 20)[POSITIVE] == pytest.approx(1)


def test_a_panel_that_disagrees_gives_a_softer_target() -> None:
    agreeing, disagreeing = (1,) * 20, (-2, 4) * 10
    assert panel_target(1.0, agreeing)[POSITIVE] > panel_target(1.0, disagreeing)[POSITIVE]


def test_a_rating_distribution_counts_the_raters() -> None:
    assert rating_distribution((-4, 0, 0, 4)) == [0.25, 0, 0, 0, 0.5, 0, 0, 0, 0.25]


def test_html_entities_are_unescaped_and_foreign_raw_ratings_left_out() -> None:
    archive = FakeArchive(
        {
            "tweets_GroundTruth.txt": "1\t1.5\tLove &amp; peace &lt;3\n2\t-1.0\tDie",
            "tweets_anonDataRatings.txt": "1\t1.5\t0.5\t[1, 2]\n2\t2.0\t0\t[2, 2]",
        }
    )
    first, second = read_source(archive, "tweets")
    assert (first.text, first.ratings) == ("Love & peace <3", (1, 2))
    assert (second.rating, second.ratings) == (-1.0, ())


def test_only_words_of_the_lexicon_are_read() -> None:
    archive = FakeArchive({"vader_sentiment_lexicon.txt": "$:\t-1.5\t0.8\t[-1]\nbest-loved\t3.0\t0\t[3]"})
    assert [word.text for word in read_words(archive)] == ["best-loved"]


def test_a_row_of_the_test_split_names_its_label() -> None:
    sentence = Sentence("4_2", "tweets", "fine", 0.4, ())
    assert row_of(sentence) == {"id": "4_2", "source": "tweets", "text": "fine", "rating": 0.4, "label": "neutral"}


class WordCounter:
    """Stands in for a tokenizer: a token a word."""

    def encode(self, text: str) -> "WordCounter":
        self.ids = text.split()
        return self


def test_golden_samples_are_many_and_hold_one_word_and_long_texts() -> None:
    test = [
        Sentence(f"{document}_{number}", "tweets", f"{'word ' * 20}{document} {number}", 0.0, ())
        for document in range(20)
        for number in range(15)
    ]
    test.append(Sentence("99", "movieReviewSnippets", "Superb", 2.0, ()))
    texts = golden_texts(test, WordCounter())
    assert "Superb" in texts
    assert len(texts) >= 40
    assert max(len(text.split()) for text in texts) > 60
