"""The course's treebank: the four sources, what is malformed in them, its tables and its draws."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.compat.cs224n import StanfordSentiment, treebank
from firth.compat.cs224n.treebank import parse_tree, repair_double_encoding
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FormatError, ParameterError, StorageError


def encoded_twice(text):
    return text.encode("utf-8").decode("latin-1").encode("utf-8")


SENTENCES = [
    "The café is a Joy .",
    "A naïve , clumsy mess -LRB- truly -RRB- .",
    "co-writer\\/director Étienne shines",
    "8\u00a01\\/2 is what it is .",
    "Dull .",
]
PHRASES = {
    "The café is a Joy .": 0.9,
    "A naïve , clumsy mess ( truly ) .": 0.1,
    "co-writer\\/director Étienne shines": 0.7,
    "8\u00a01\\/2 is what it is .": 0.5,
    "Dull .": 0.21,
    "a Joy": 1.0,
}
SPLITS = [1, 2, 3, 1, 1]


@pytest.fixture
def course_folder(tmp_path):
    """Made-up, tiny versions of the course's four files, each in its own encoding."""
    lines = [f"{number}\t{sentence}" for number, sentence in enumerate(SENTENCES, start=1)]
    (tmp_path / "datasetSentences.txt").write_bytes(
        b"sentence_index\tsentence\n" + b"".join(encoded_twice(line) + b"\n" for line in lines)
    )
    rows = [f"{number},{split}" for number, split in enumerate(SPLITS, start=1)]
    (tmp_path / "datasetSplit.txt").write_text("\n".join(["sentence_index,splitset_label", *rows, ""]))
    phrases = [f"{phrase}|{phrase_id}\n" for phrase_id, phrase in enumerate(PHRASES)]
    (tmp_path / "dictionary.txt").write_text("".join(reversed(phrases)), encoding="utf-8")
    labels = [f"{phrase_id}|{value}" for phrase_id, value in enumerate(PHRASES.values())]
    (tmp_path / "sentiment_labels.txt").write_text("\n".join(["phrase ids|sentiment values", *labels, ""]))
    return tmp_path


TREES = {
    "train.txt": "(3 (2 The) (4 (3 Joy) (2 .)))\n(0 (1 -LRB-) (2 Næs))\n",
    "test.txt": "(4 (2 It) (4 (3 really) (4 shines)))\n",
    "dev.txt": "(1 (2 9\\/11) (2 8\u00a01\\/2))\r\n",
}


@pytest.fixture
def tree_folder(tmp_path):
    for name, text in TREES.items():
        (tmp_path / name).write_bytes(text.encode())
    return tmp_path


class TestTheCoursesFiles:
    def test_words_are_repaired_and_lower_cased(self, course_folder):
        dataset = StanfordSentiment(course_folder)
        assert [" ".join(sentence) for sentence in dataset.sentences()] == [text.lower() for text in SENTENCES]
        assert dataset.sentences()[3][0] == "8\u00a01\\/2"  # one word: only ASCII white space separates
        assert dataset.numSentences() == 5

    def test_labels(self, course_folder):
        assert StanfordSentiment(str(course_folder)).sent_labels() == [0.9, 0.1, 0.7, 0.5, 0.21]

    def test_splits(self, course_folder):
        dataset = StanfordSentiment(course_folder)
        assert dataset.dataset_split() == [[0, 3, 4], [1], [2]]
        assert [label for _, label in dataset.getTrainSentences()] == [4, 2, 1]
        assert dataset.getTestSentences() == [(dataset.sentences()[1], 0)]
        assert dataset.getDevSentences() == [(dataset.sentences()[2], 3)]
        assert dataset.getSplitSentences() == dataset.getTrainSentences()

    def test_a_random_training_sentence_is_one_draw(self, course_folder):
        dataset = StanfordSentiment(course_folder)
        random.seed(6)
        sentence, label = dataset.getRandomTrainSentence()
        after = random.random()
        random.seed(6)
        number = [0, 3, 4][random.randint(0, 2)]
        assert (sentence, label) == (dataset.sentences()[number], [4, None, None, 2, 1][number])
        assert random.random() == after

    def test_a_sentence_encoded_once_stays(self, course_folder):
        path = course_folder / "datasetSentences.txt"
        path.write_text("sentence_index\tsentence\n1\tThe café is a Joy .\n", encoding="utf-8")
        assert StanfordSentiment(course_folder).sentences() == [["the", "café", "is", "a", "joy", "."]]

    @pytest.mark.parametrize(
        ("name", "old", "new", "error", "message"),
        [
            ("datasetSentences.txt", b"3\tco", b"7\tco", FormatError, r"line 4 must hold sentence 3, got '7'"),
            ("datasetSentences.txt", b"Dull", b"D\xffll", EncodingError, r"must be UTF-8, got byte 0xff at \d+"),
            ("datasetSplit.txt", b"2,2", b"2,4", FormatError, r"line 3 must name the split 1, 2 or 3, got '4'"),
            ("datasetSplit.txt", b"2,2", b"9,2", FormatError, r"line 3 must name a sentence from 1 to 5, got 9"),
            ("datasetSplit.txt", b"2,2", b"x,2", FormatError, r"line 3 must hold a number, got 'x'"),
            ("datasetSplit.txt", b"2,2", b"22", FormatError, r"line 3 must hold two columns separated by ','"),
            ("dictionary.txt", b"|4", b"|99", FormatError, r"must end in a phrase id of sentiment_labels"),
            ("dictionary.txt", b"Dull", b"Dall", CorpusError, r"got none for sentence 5: 'dull \.'"),
            ("sentiment_labels.txt", b"0.9", b"1.9", FormatError, r"line 2 must hold a sentiment from 0 to 1"),
            ("sentiment_labels.txt", b"0.9", b"good", FormatError, r"line 2 must hold a number, got 'good'"),
        ],
    )
    def test_malformed(self, course_folder, name, old, new, error, message):
        path = course_folder / name
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, 1))
        dataset = StanfordSentiment(course_folder)
        with pytest.raises(error, match=message):
            dataset.getTrainSentences()

    def test_a_missing_file_is_named(self, course_folder):
        (course_folder / "dictionary.txt").unlink()
        with pytest.raises(StorageError, match=r"dictionary\.txt must be readable, got: No such file"):
            StanfordSentiment(course_folder).sent_labels()


class TestTrees:
    def test_sentences_labels_and_splits(self, tree_folder):
        dataset = StanfordSentiment(tree_folder)
        assert dataset.sentences() == [
            ["the", "joy", "."],
            ["-lrb-", "næs"],
            ["it", "really", "shines"],
            ["9\\/11", "8\u00a01\\/2"],
        ]
        assert dataset.dataset_split() == [[0, 1], [2], [3]]
        assert dataset.sent_labels() == [0.75, 0.0, 1.0, 0.25]
        assert [dataset.categorify(label) for label in dataset.sent_labels()] == [3, 0, 4, 1]

    def test_a_file_of_trees_is_all_training(self, tree_folder):
        dataset = StanfordSentiment(tree_folder / "train.txt")
        assert dataset.dataset_split() == [[0, 1], [], []]
        assert dataset.getTrainSentences() == [(["the", "joy", "."], 3), (["-lrb-", "næs"], 0)]

    @pytest.mark.parametrize(
        ("tree", "message"),
        [
            ("", "must close every node of one tree, got 0 open"),
            ("(3 (2 It)", "must close every node of one tree, got 1 open"),
            ("(3 (2 It)))", r"close nodes that were opened and hold something, got '\)' at character 11"),
            ("(3 )", "close nodes that were opened and hold something"),
            ("(3 (2 It) shines)", "have nodes of one word or of nodes, got 'shines"),
            ("(3 It shines)", "have nodes of one word or of nodes"),
            ("(3 It (2 shines))", "have nodes of one word or of nodes"),
            ("(3 It) (2 shines)", "hold one tree"),
            ("It", "have nodes of one word or of nodes"),
            ("(7 It)", "have labels from 0 to 4"),
            ("(x It)", r"open every node with '\(' and a label, got '\(x It\)' at character 1"),
            ("((2 It))", r"open every node with '\(' and a label"),
        ],
    )
    def test_malformed(self, tree, message):
        with pytest.raises(FormatError, match=message):
            parse_tree(tree)

    def test_the_line_is_named(self, tree_folder):
        (tree_folder / "train.txt").write_text("(3 It)\n\n(2 shines\n")
        with pytest.raises(FormatError, match=r"train\.txt, line 3 must close every node"):
            StanfordSentiment(tree_folder).sentences()

    @given(
        st.recursive(
            st.text("ab.\u00e9\u00a0-\\/'", min_size=1, max_size=4), lambda t: st.lists(t, min_size=1, max_size=3)
        )
    )
    @settings(max_examples=80, deadline=None)
    def test_what_was_written_is_read(self, tree):
        def write(node):
            return f"(2 {node})" if isinstance(node, str) else f"(2 {' '.join(map(write, node))})"

        def words(node):
            return [node] if isinstance(node, str) else [word for part in node for word in words(part)]

        assert parse_tree(write(tree)) == (2, words(tree))


class TestPlainSentences:
    def test_file(self, tmp_path):
        path = tmp_path / "lines.txt"
        path.write_bytes("\ufeffIt shines\n\n  (Dull) \t8\u00a01/2 .\r\n".encode())
        dataset = StanfordSentiment(path)
        assert dataset.sentences() == [["it", "shines"], ["(dull)", "8\u00a01/2", "."]]
        assert dataset.dataset_split() == [[0, 1], [], []]
        with pytest.raises(CorpusError, match="sentiment labels need trees or the course's four files"):
            dataset.getTrainSentences()

    def test_memory_and_one_shot(self):
        dataset = StanfordSentiment(iter([["It", "Shines"], ("Dull",)]))
        assert dataset.sentences() == [["it", "shines"], ["dull"]]
        assert dataset.tokens() == {"it": 0, "shines": 1, "dull": 2, "UNK": 3}

    @pytest.mark.parametrize(
        ("path", "error", "message"),
        [
            (["It shines"], CorpusTypeError, "sentences must be lists of words, got 'It shines'; split it"),
            ([[1, 2]], CorpusTypeError, "words must be strings, got 1"),
            ("no/such/place", StorageError, "path must be a file or a folder, got 'no/such/place'"),
            (None, StorageError, "stanfordSentimentTreebank"),
            (Path(__file__).parent, CorpusError, "must hold datasetSentences.txt or train.txt, got neither"),
        ],
    )
    def test_refused_at_once(self, path, error, message):
        with pytest.raises(error, match=message):
            StanfordSentiment(path)

    def test_refused_without_a_sentence(self, tmp_path):
        (tmp_path / "empty.txt").write_text("\n \n")
        for path in (tmp_path / "empty.txt", []):
            with pytest.raises(CorpusError, match="must hold at least one sentence, got none"):
                StanfordSentiment(path).tokens()

    def test_refused_without_a_table(self):
        with pytest.raises(ParameterError, match="tablesize must be at least 1, got 0"):
            StanfordSentiment([["a"]], tablesize=0)

    @pytest.mark.parametrize("sentences", [[["a", "a", "a"]] * 50, [["a"], ["b"]]])
    def test_refused_where_a_context_would_be_sought_for_ever(self, sentences):
        with pytest.raises(CorpusError, match="must keep a sentence with two different words"):
            StanfordSentiment(sentences).getRandomContext(5)


class TestDraws:
    """Against a second solution, written from the handout: loops, one word at a time."""

    @pytest.fixture
    def dataset(self, made_up_sentences):
        return StanfordSentiment(made_up_sentences, tablesize=5000)

    @pytest.fixture
    def counts(self, made_up_sentences):
        counts = {}
        for sentence in made_up_sentences:
            for word in sentence:
                counts[word] = counts.get(word, 0) + 1
        return {**counts, "UNK": 1}

    def test_tokens_in_the_order_of_their_first_place(self, dataset, counts):
        assert dataset.tokens() == {word: word_id for word_id, word in enumerate(counts)}
        assert list(dataset.tokens()) == list(counts)

    def test_reject_probability(self, dataset, counts):
        n_words = sum(counts.values())
        expected = [max(0, 1 - (1e-5 * n_words / count) ** 0.5) for count in counts.values()]
        np.testing.assert_allclose(dataset.rejectProb(), expected, rtol=1e-14)

    @pytest.mark.parametrize("threshold", [1e-5, 1e-2])  # with the second, rare words are kept without a draw
    def test_all_sentences(self, threshold, dataset, counts, made_up_sentences, monkeypatch):
        monkeypatch.setattr(treebank, "SUBSAMPLING_THRESHOLD", threshold)
        assert (dataset.rejectProb()[:-1] == 0).any() == (threshold == 1e-2)
        random.seed(15)
        sentences = dataset.allSentences()
        assert dataset.allSentences() is sentences
        after = random.random()
        random.seed(15)
        rejected = dict(zip(counts, dataset.rejectProb(), strict=True))
        expected = []
        for _ in range(30):
            for sentence in made_up_sentences:
                kept = [word for word in sentence if rejected[word] <= 0 or random.random() >= rejected[word]]
                if len(kept) > 1:
                    expected.append(kept)
        assert sentences == expected
        assert random.random() == after
        assert dataset.id_sentences() == [[dataset.tokens()[word] for word in sentence] for sentence in sentences]

    @pytest.mark.parametrize("source", ["made up", "all alike"])
    def test_sample_table(self, source, dataset, counts):
        if source == "all alike":  # equal counts: every step falls on an entry, to the last bit
            dataset = StanfordSentiment([[f"w{number}" for number in range(15)]] * 1, tablesize=1600)
            counts = dict.fromkeys(range(16), 1)
            dataset._allsentences = [["w0", "w1"]]
        steps = np.zeros(len(counts))
        for word_id, count in enumerate(counts.values()):
            steps[word_id] = (1.0 * count) ** 0.75
        steps /= np.sum(steps)
        steps = np.cumsum(steps) * dataset.tablesize
        expected = [0] * dataset.tablesize
        word_id = 0
        for entry in range(dataset.tablesize):
            while entry > steps[word_id]:
                word_id += 1
            expected[entry] = word_id
        assert dataset.sampleTable().tolist() == expected

    def test_sample_is_one_draw_after_the_corpus(self, dataset):
        random.seed(3)
        sample = dataset.sampleTokenIdx()
        assert type(sample) is int
        again = StanfordSentiment(dataset.sentences(), tablesize=5000)
        after = random.random()
        random.seed(3)
        again.allSentences()
        assert sample == again.sampleTable()[random.randint(0, 4999)]
        assert random.random() == after

    def test_random_context(self, dataset):
        sentences = dataset.allSentences()
        for seed in range(60):
            for C in (1, 5):
                random.seed(seed)
                center, context = dataset.getRandomContext(C)
                after = random.random()
                random.seed(seed)
                expected = []
                while not expected:
                    sentence = sentences[random.randint(0, len(sentences) - 1)]
                    place = random.randint(0, len(sentence) - 1)
                    expected = [
                        word
                        for position, word in enumerate(sentence)
                        if 0 < abs(position - place) <= C and word != sentence[place]
                    ]
                assert (center, context) == (sentence[place], expected)
                assert random.random() == after

    def test_the_reach_is_five_by_default(self, dataset):
        dataset.allSentences()
        random.seed(1)
        expected = dataset.getRandomContext(5)
        random.seed(1)
        assert dataset.getRandomContext() == expected


@pytest.mark.parametrize(
    ("label", "expected"),
    [(0, 0), (0.2, 0), (0.21, 1), (0.4, 1), (0.5, 2), (0.6, 2), (0.75, 3), (0.8, 3), (0.81, 4), (1.0, 4)],
)
def test_categorify(label, expected):
    assert StanfordSentiment([["a", "b"]]).categorify(label) == expected


@given(st.text(min_size=1))
@settings(deadline=None)
def test_repair_undoes_a_double_encoding(word):
    assert repair_double_encoding(encoded_twice(word).decode()) == word


@pytest.mark.parametrize("word", ["café", "ascii", "naïve", "œuvre", "日本", "\u00a0", "Ã"])
def test_repair_leaves_what_was_encoded_once(word):
    assert repair_double_encoding(word) == word


@pytest.mark.data
def test_the_treebank_itself():
    if "FIRTH_DATA" not in os.environ:
        pytest.skip("FIRTH_DATA is not set")
    dataset = StanfordSentiment(Path(os.environ["FIRTH_DATA"]) / "sst")
    assert dataset.numSentences() == 11855
    assert [len(part) for part in dataset.dataset_split()] == [8544, 2210, 1101]
    assert len(dataset.tokens()) == 19539  # 19,538 words and UNK
    assert dataset.sentences()[0][:3] == ["the", "rock", "is"]
    assert len(dataset.getDevSentences()) == 1101
