"""Room compat: the course's treebank: sentences, labels and splits, from four kinds of sources; the course's draws."""

from __future__ import annotations

import itertools
import os
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.corpus.recognise import HEAD_BYTES, refuse_other_formats
from firth.corpus.tables import token_rows
from firth.errors import CorpusError, CorpusTypeError, EncodingError, FormatError, ParameterError, StorageError

DEFAULT_PATH = (
    "utils/datasets/stanfordSentimentTreebank"  # the folder into which the course's get_datasets.sh unpacks it
)
N_REPETITIONS = 30  # number of times that the course subsamples the corpus
SUBSAMPLING_THRESHOLD = 1e-5  # Mikolov et al. 2013b, section 2.3
NOISE_EXPONENT = 0.75  # Mikolov et al. 2013b, section 2.2
TREE_FILES = ("train.txt", "test.txt", "dev.txt")  # in the order of the course's split numbers: 0, 1, 2
UNKNOWN = "UNK"

_ASCII_SPACE = re.compile(r"[ \t\r\n\f\v]+")  # no-break spaces occur inside words of this corpus ("2 1\/2")
_TREE_PIECE = re.compile(r"\(([0-9]+)(?=[ \t(])|\)|([^() \t\r\n\f\v]+)|[ \t\r\n\f\v]+")


class StanfordSentiment:
    """A corpus of sentences, with the methods, the attributes and the draws of the course's ``StanfordSentiment``.

    As in the course, files are read at the first use, and words are converted to lower case. Draws use the module
    ``random``, in the order of the course: the first call that needs :meth:`allSentences` draws a number for each word
    that subsampling may reject, thirty times for the whole corpus.

    Parameters
    ----------
    path : str, path or iterable of lists of words
        - a folder with the course's ``datasetSentences.txt``, ``datasetSplit.txt``, ``dictionary.txt`` and
          ``sentiment_labels.txt``, whose doubly encoded words (``cafÃ©``) are repaired (``café``);
        - a folder with ``train.txt``, ``test.txt`` and ``dev.txt``, one labelled tree a line,
          ``(3 (2 It) (4 shines))``; sentences are numbered in this order, and the label 0-4 of a tree's root is its
          sentence's;
        - a file of such trees, or of plain sentences, one a line, words separated by white space;
        - sentences in memory, each a list of words.

        By default the folder where the course keeps it, ``utils/datasets/stanfordSentimentTreebank``. A file or
        sentences in memory are all training sentences; plain ones have no labels.
    tablesize : int
        Entries of :meth:`sampleTable`.

    Raises
    ------
    StorageError, CorpusError, CorpusTypeError, ParameterError
        The file or folder does not exist, the folder has no known file, or a sentence is a string. A malformed file
        raises FormatError or EncodingError at the first use.
    """

    def __init__(
        self, path: str | os.PathLike[str] | Iterable[list[str]] | None = None, tablesize: int = 1000000
    ) -> None:
        if tablesize < 1:
            raise ParameterError(f"tablesize must be at least 1, got {tablesize}")
        self.tablesize = tablesize
        self.path: Path | None = None
        self._given: list[list[str]] = []
        if path is None or isinstance(path, (str, os.PathLike)):
            self.path = Path(path if path is not None else DEFAULT_PATH)
            self._kind = _detect_kind(self.path)
        else:
            self._given = [_validated_sentence(sentence) for sentence in token_rows(path, "path")]
            self._kind = "memory"
        self._sentences: list[list[str]] | None = None
        self._root_labels: list[int] | None = None
        self._tree_split: list[list[int]] | None = None
        self._split: list[list[int]] | None = None
        self._sent_labels: list[float] | None = None
        self._tokens: dict[str, int] | None = None
        self._tokenfreq: dict[str, int] = {}
        self._wordcount = 0
        self._revtokens: list[str] = []
        self._allsentences: list[list[str]] | None = None
        self._rejectProb: NDArray[np.float64] | None = None
        self._sampleTable: NDArray[np.int32] | None = None
        self._id_sentences: list[list[int]] | None = None

    def sentences(self) -> list[list[str]]:
        """All sentences, each a list of lower-cased words."""
        if self._sentences is None:
            if self._kind == "memory":
                self._sentences = [[word.lower() for word in sentence] for sentence in self._given]
                self._given = []
            elif self._kind == "course":
                self._sentences = list(_read_course_sentences(self._folder() / "datasetSentences.txt"))
            elif self._kind == "plain":
                text = _read_text(self._folder())
                self._sentences = [words for line in text.split("\n") if (words := _split_words(line.lower()))]
            else:
                self._read_trees()
            if not self._sentences:
                raise CorpusError(f"{self.path or 'path'} must hold at least one sentence, got none")
        return self._sentences

    def numSentences(self) -> int:
        """The number of sentences."""
        return len(self.sentences())

    def tokens(self) -> dict[str, int]:
        """The words and their ids, in the order of first occurrence; the last is ``UNK``, with a count of one."""
        if self._tokens is None:
            tokens: dict[str, int] = {}
            counts: dict[str, int] = {}
            for word in itertools.chain.from_iterable(self.sentences()):
                tokens.setdefault(word, len(tokens))
                counts[word] = counts.get(word, 0) + 1
            self._wordcount = sum(counts.values()) + 1
            self._revtokens = [*tokens, UNKNOWN]  # words are lower-cased, so none of them is UNK
            tokens[UNKNOWN] = len(tokens)
            counts[UNKNOWN] = 1
            self._tokenfreq = counts
            self._tokens = tokens
        return self._tokens

    def rejectProb(self) -> NDArray[np.float64]:
        """Probability that subsampling drops a word, by id: max(0, 1 - sqrt(1e-5 / f)), f the word's share. (V,)"""
        if self._rejectProb is None:
            counts = self._counts()
            threshold = SUBSAMPLING_THRESHOLD * self._wordcount
            self._rejectProb = np.maximum(0.0, 1.0 - np.sqrt(threshold / counts))
        return self._rejectProb

    def allSentences(self) -> list[list[str]]:
        """The corpus, subsampled thirty times, without sentences of fewer than two words. Drawn once, then kept."""
        if self._allsentences is None:
            tokens = self.tokens()
            rejected = dict(zip(tokens, self.rejectProb().tolist(), strict=True))
            draw = random.random
            subsampled = (
                [word for word in sentence if rejected[word] <= 0 or draw() >= rejected[word]]
                for _ in range(N_REPETITIONS)
                for sentence in self.sentences()
            )
            allsentences = [sentence for sentence in subsampled if len(sentence) > 1]
            if not any(len(set(sentence)) > 1 for sentence in allsentences):
                raise CorpusError(
                    "the corpus must keep a sentence with two different words after subsampling, got none; "
                    "pass more sentences"
                )
            self._allsentences = allsentences
        return self._allsentences

    def getRandomContext(self, C: int = 5) -> tuple[str, list[str]]:
        """A random word of a random sentence, and the different words at a distance of at most ``C``.

        Draws the sentence, then the position; both again if there is no such different word.
        """
        sentences = self.allSentences()
        while True:
            sentence = sentences[random.randint(0, len(sentences) - 1)]
            place = random.randint(0, len(sentence) - 1)
            center = sentence[place]
            window = sentence[max(0, place - C) : place] + sentence[place + 1 : place + C + 1]
            context = [word for word in window if word != center]
            if context:
                return center, context

    def sampleTable(self) -> NDArray[np.int32]:
        """A table of ``tablesize`` word ids; a word's number of entries is proportional to count^0.75. (tablesize,)"""
        if self._sampleTable is None:
            # numerics.noise_probabilities is the same distribution with other rounding. For equal counts, the last bit
            # decides which word gets an entry, and the table must equal the course's table, entry by entry.
            powers = np.array([float(count) ** NOISE_EXPONENT for count in self._counts().tolist()])
            self.allSentences()  # the course draws its subsampled corpus here, if not yet drawn
            steps = np.cumsum(powers / np.sum(powers)) * self.tablesize
            table = np.searchsorted(steps, np.arange(self.tablesize), side="left")
            # Rounding can make the last cumulative sum slightly smaller than the last entry.
            self._sampleTable = np.minimum(table, len(steps) - 1).astype(np.int32)
        return self._sampleTable

    def sampleTokenIdx(self) -> int:
        """The id of a random word, by :meth:`sampleTable`; one draw."""
        table = self.sampleTable()
        return int(table[random.randint(0, self.tablesize - 1)])

    def id_sentences(self) -> list[list[int]]:
        """:meth:`allSentences` as ids. The course has no such method."""
        if self._id_sentences is None:
            tokens = self.tokens()
            self._id_sentences = [[tokens[word] for word in sentence] for sentence in self.allSentences()]
        return self._id_sentences

    def draws_only_when_asked(self) -> bool:
        """Whether the subsampled corpus is already drawn, so that a call draws only its own numbers."""
        return self._allsentences is not None

    def sent_labels(self) -> list[float]:
        """The sentiment of every sentence, from 0 (very negative) to 1 (very positive).

        Raises
        ------
        CorpusError
            The sentences are plain and have no labels, or the dictionary lacks a sentence.
        """
        if self._sent_labels is None:
            sentences = self.sentences()
            if self._root_labels is not None:
                self._sent_labels = [label / 4 for label in self._root_labels]
            elif self._kind == "course":
                labels = _read_phrase_labels(self._folder())
                self._sent_labels = []
                for number, sentence in enumerate(sentences, start=1):
                    label = labels.get(_phrase_key(sentence))
                    if label is None:
                        raise CorpusError(
                            f"{self._folder() / 'dictionary.txt'} must hold every sentence of datasetSentences.txt, "
                            f"got none for sentence {number}: {' '.join(sentence)!r}"
                        )
                    self._sent_labels.append(label)
            else:
                raise CorpusError("sentiment labels need trees or the course's four files, got plain sentences")
        return self._sent_labels

    def dataset_split(self) -> list[list[int]]:
        """The numbers of the sentences for training, test and development, in this order."""
        if self._split is None:
            n_sentences = self.numSentences()
            if self._kind == "course":
                self._split = _read_split(self._folder() / "datasetSplit.txt", n_sentences)
            elif self._tree_split is not None:
                self._split = self._tree_split
            else:
                self._split = [list(range(n_sentences)), [], []]
        return self._split

    def getRandomTrainSentence(self) -> tuple[list[str], int]:
        """A random training sentence and the class of its sentiment; one draw."""
        train = self.dataset_split()[0]
        number = train[random.randint(0, len(train) - 1)]
        return self.sentences()[number], self.categorify(self.sent_labels()[number])

    def categorify(self, label: float) -> int:
        """The class of a sentiment: 0 up to 0.2, 1 up to 0.4, 2 up to 0.6, 3 up to 0.8, else 4."""
        return sum(label > bound for bound in (0.2, 0.4, 0.6, 0.8))

    def getDevSentences(self) -> list[tuple[list[str], int]]:
        """The development sentences and their classes."""
        return self.getSplitSentences(2)

    def getTestSentences(self) -> list[tuple[list[str], int]]:
        """The test sentences and their classes."""
        return self.getSplitSentences(1)

    def getTrainSentences(self) -> list[tuple[list[str], int]]:
        """The training sentences and their classes."""
        return self.getSplitSentences(0)

    def getSplitSentences(self, split: int = 0) -> list[tuple[list[str], int]]:
        """The sentences of one split (0 training, 1 test, 2 development) and their classes."""
        sentences, labels = self.sentences(), self.sent_labels()
        return [(sentences[number], self.categorify(labels[number])) for number in self.dataset_split()[split]]

    def _counts(self) -> NDArray[np.int64]:
        self.tokens()
        return np.array([self._tokenfreq[word] for word in self._revtokens], dtype=np.int64)

    def _folder(self) -> Path:
        if self.path is None:
            raise CorpusError("sentences in memory have no files")
        return self.path

    def _read_trees(self) -> None:
        path = self._folder()
        names = [path] if path.is_file() else [path / name for name in TREE_FILES]
        sentences: list[list[str]] = []
        labels: list[int] = []
        split: list[list[int]] = [[], [], []]
        for numbers, name in zip(split, names, strict=False):
            if not name.exists():
                continue
            for line_number, line in enumerate(_read_text(name).split("\n"), start=1):
                if line.strip():
                    label, words = parse_tree(line, f"{name}, line {line_number}")
                    numbers.append(len(sentences))
                    labels.append(label)
                    sentences.append([word.lower() for word in words])
        self._sentences, self._root_labels, self._tree_split = sentences, labels, split


def parse_tree(text: str, place: str = "tree") -> tuple[int, list[str]]:
    """The root's label and the words of one labelled tree.

    Grammar: ``tree = "(" label (word | tree+) ")"``; the label is an integer from 0 to 4. Words are not changed
    (``-LRB-``, ``\\/``); a no-break space is part of its word.

    Parameters
    ----------
    text : str
    place : str
        File and line of the text, for messages.

    Raises
    ------
    FormatError
    """

    def refuse(constraint: str, offset: int) -> FormatError:
        return FormatError(f"{place} must {constraint}, got {text[offset : offset + 20]!r} at character {offset + 1}")

    root_label = -1
    words: list[str] = []
    contents: list[str] = []  # the content of each open node so far: "" (nothing), "word" or "trees"
    offset = 0
    while offset < len(text):
        piece = _TREE_PIECE.match(text, offset)
        if piece is None:
            raise refuse("open every node with '(' and a label", offset)
        label, word = piece.group(1), piece.group(2)
        if label is not None:
            if int(label) > 4:
                raise refuse("have labels from 0 to 4", offset)
            if contents:
                if contents[-1] == "word":
                    raise refuse("have nodes of one word or of nodes", offset)
                contents[-1] = "trees"
            elif root_label >= 0:
                raise refuse("hold one tree", offset)
            else:
                root_label = int(label)
            contents.append("")
        elif word is not None:
            if not contents or contents[-1]:
                raise refuse("have nodes of one word or of nodes", offset)
            contents[-1] = "word"
            words.append(word)
        elif piece.group() == ")" and (not contents or not contents.pop()):
            raise refuse("close nodes that were opened and hold something", offset)
        offset = piece.end()
    if contents or root_label < 0:
        raise FormatError(f"{place} must close every node of one tree, got {len(contents)} open: {text[:40]!r}")
    return root_label, words


def repair_double_encoding(word: str) -> str:
    """The word that was encoded as UTF-8 twice, decoded once more: ``cafÃ©`` is ``café``.

    If a word's characters are not the bytes of valid UTF-8, it was encoded once and is returned unchanged.
    """
    try:
        return word.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return word


def _detect_kind(path: Path) -> str:
    if path.is_dir():
        if (path / "datasetSentences.txt").exists():
            return "course"
        if (path / TREE_FILES[0]).exists():
            return "trees"
        raise CorpusError(f"{path} must hold datasetSentences.txt or train.txt, got neither")
    if not path.exists():
        raise StorageError(f"path must be a file or a folder, got {str(path)!r}; pass StanfordSentiment(path=...)")
    with path.open("rb") as file:
        start = file.read(4096).lstrip()
    return "trees" if re.match(rb"\([0-9]+[ \t]*[^ \t)]", start) else "plain"


def _validated_sentence(sentence: Any) -> list[str]:
    if isinstance(sentence, (str, bytes)):
        raise CorpusTypeError(f"sentences must be lists of words, got {sentence!r}; split it first")
    words = list(sentence)
    for word in words:
        if not isinstance(word, str):
            raise CorpusTypeError(f"words must be strings, got {word!r}")
    return words


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} must be readable, got: {error.strerror}") from error
    refuse_other_formats(data[:HEAD_BYTES], str(path), is_whole=len(data) <= HEAD_BYTES, as_text=True)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EncodingError(f"{path} must be UTF-8, got byte 0x{data[error.start]:02x} at {error.start}") from error


def _split_words(line: str) -> list[str]:
    return [word for word in _ASCII_SPACE.split(line) if word]


def _read_table(path: Path, separator: str) -> Iterator[tuple[str, str, str]]:
    """The lines of a table of two columns, without its heading: first column, last column, file and line."""
    for line_number, line in enumerate(_read_text(path).split("\n")[1:], start=2):
        line = line.strip(" \t\r\n")
        if line:
            first, found, last = line.rpartition(separator)
            place = f"{path}, line {line_number}"
            if not found:
                raise FormatError(f"{place} must hold two columns separated by {separator!r}, got {line!r}")
            yield first, last, place


def _read_course_sentences(path: Path) -> Iterator[list[str]]:
    n_sentences = 0
    for line_number, line in enumerate(_read_text(path).split("\n")[1:], start=2):
        columns = _split_words(line)
        if not columns:
            continue
        n_sentences += 1
        if columns[0] != str(n_sentences):
            raise FormatError(f"{path}, line {line_number} must hold sentence {n_sentences}, got {columns[0]!r}")
        yield [repair_double_encoding(word).lower() for word in columns[1:]]


def _read_split(path: Path, n_sentences: int) -> list[list[int]]:
    split: list[list[int]] = [[], [], []]
    for sentence, part, place in _read_table(path, ","):
        number = _parse_number(int, sentence, place)
        if part not in ("1", "2", "3"):
            raise FormatError(f"{place} must name the split 1, 2 or 3, got {part!r}")
        if not 1 <= number <= n_sentences:
            raise FormatError(f"{place} must name a sentence from 1 to {n_sentences}, got {number}")
        split[int(part) - 1].append(number - 1)
    return split


def _phrase_key(words: Iterable[str]) -> str:
    """A normalised form of a phrase that is equal in datasetSentences.txt and dictionary.txt."""
    return " ".join(words).replace("-lrb-", "(").replace("-rrb-", ")").replace("\\/", "/")


def _read_phrase_labels(folder: Path) -> dict[str, float]:
    """Phrases, lower-cased, and their sentiment."""
    values: dict[str, float] = {}
    for phrase_id, value, place in _read_table(folder / "sentiment_labels.txt", "|"):
        sentiment = _parse_number(float, value, place)
        if not 0 <= sentiment <= 1:
            raise FormatError(f"{place} must hold a sentiment from 0 to 1, got {value!r}")
        values[phrase_id] = sentiment
    labels: dict[str, float] = {}
    path = folder / "dictionary.txt"
    for line_number, line in enumerate(_read_text(path).split("\n"), start=1):
        line = line.strip(" \t\r\n")
        if line:
            phrase, _, phrase_id = line.rpartition("|")
            if phrase_id not in values:
                raise FormatError(
                    f"{path}, line {line_number} must end in a phrase id of sentiment_labels.txt, got {phrase_id!r}"
                )
            labels[_phrase_key(repair_double_encoding(word).lower() for word in _split_words(phrase))] = values[
                phrase_id
            ]
    return labels


def _parse_number(kind: Any, text: str, place: str) -> Any:
    try:
        return kind(text)
    except ValueError:
        raise FormatError(f"{place} must hold a number, got {text!r}") from None
