"""Room compat: gensim.corpora.dictionary: Dictionary, ids and counts of words in documents, in Python.

docs/gensim.md lists every name.

Tests: tests/compat/gensim/test_dictionary.py.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from firth.base.values import is_number
from firth.compat.gensim.store import as_path, is_ours, pack_keys, read_file, unpack_keys, write_file
from firth.compat.gensim.utils import open_binary, to_unicode
from firth.errors import CorpusTypeError, FormatError, ParameterError, UnknownWordError
from firth.formats.gensim_dictionary import read_gensim_dictionary
from firth.formats.target import whole_file

logger = logging.getLogger(__name__)

Bag = list[tuple[int, int]]
_COUNTS = ("num_docs", "num_pos", "num_nnz")


class Dictionary(Mapping[int, str]):
    """Ids of words, with the interface of gensim 4: a mapping from id to word.

    New words of a document get the next ids in the order of the alphabet, as in gensim.

    Parameters
    ----------
    documents : iterable of lists of words, optional
    prune_at : int or None
        Largest number of words after ``documents`` are added: those in most documents. gensim prunes while it counts,
        so its counts are too small.

    Attributes
    ----------
    token2id : dict of str to int
    id2token : dict of int to str
        Always complete; gensim fills it at the first ``dictionary[id]``.
    cfs, dfs : dict of int to int
        How often a word occurs, and in how many documents.
    num_docs, num_pos, num_nnz : int
        Documents, words, and distinct words summed over documents.
    """

    def __init__(self, documents: Iterable[Iterable[Any]] | None = None, prune_at: int | None = 2_000_000) -> None:
        self.token2id: dict[str, int] = {}
        self.cfs: dict[int, int] = {}
        self.dfs: dict[int, int] = {}
        self.num_docs = 0
        self.num_pos = 0
        self.num_nnz = 0
        self._id2token: dict[int, str] = {}
        self._next_id = (0, 0)  # of a dictionary with so many words
        if documents is not None:
            self.add_documents(documents, prune_at)

    # ---- the mapping

    @property
    def id2token(self) -> dict[int, str]:
        """The words by id."""
        if len(self._id2token) != len(self.token2id):
            self._id2token = {token_id: token for token, token_id in self.token2id.items()}
        return self._id2token

    @id2token.setter
    def id2token(self, mapping: Mapping[int, str]) -> None:
        if dict(mapping) != {token_id: token for token, token_id in self.token2id.items()}:
            raise ParameterError("id2token must be the inverse of token2id, which is made by itself; set token2id")
        self._id2token = dict(mapping)

    def __getitem__(self, tokenid: int) -> str:
        token = self.id2token.get(tokenid)
        if token is None or self.token2id.get(token) != tokenid:
            self._id2token = {}  # token2id was changed by the user
            token = self.id2token.get(tokenid)
        if token is None:
            raise UnknownWordError(f"no word has the id {tokenid!r}; the dictionary has {len(self)} words")
        return token

    def __iter__(self) -> Iterator[int]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.token2id)

    def keys(self) -> list[int]:  # type: ignore[override]  # a list, as in gensim
        """The ids, as a list."""
        return list(self.token2id.values())

    iterkeys = __iter__

    def iteritems(self) -> Any:
        """``items()``."""
        return self.items()

    def itervalues(self) -> Any:
        """``values()``."""
        return self.values()

    def __str__(self) -> str:
        first = list(self.token2id)[:5]
        return f"{type(self).__name__}<{len(self)} unique tokens: {first}{'...' if len(self) > 5 else ''}>"

    # ---- documents

    @staticmethod
    def from_documents(documents: Iterable[Iterable[Any]]) -> Dictionary:
        """The same as ``Dictionary(documents)``."""
        return Dictionary(documents)

    def add_documents(self, documents: Iterable[Iterable[Any]], prune_at: int | None = 2_000_000) -> None:
        """Add the words of documents; afterwards at most ``prune_at`` words stay, those in most documents."""
        if isinstance(documents, (str, bytes)):
            raise CorpusTypeError(f"documents must be lists of words, got the string {documents!r:.40}; split it")
        for document in documents:
            self.doc2bow(document, allow_update=True)
        logger.info("built %s from %i documents (total %i corpus positions)", self, self.num_docs, self.num_pos)
        if prune_at is not None and len(self) > prune_at:
            logger.warning("prune_at=%i drops %i of %i words", prune_at, len(self) - prune_at, len(self))
            self.filter_extremes(no_below=0, no_above=1.0, keep_n=prune_at)

    def doc2bow(self, document: Iterable[Any], allow_update: bool = False, return_missing: bool = False) -> Any:
        """The known words of a document: list of (id, count), by id.

        Parameters
        ----------
        document : iterable of str, or of bytes in UTF-8
        allow_update : bool
            Add the words of the document to the dictionary.
        return_missing : bool
            Return the unknown words with their counts, too: ``(bag, counts)``.

        Raises
        ------
        CorpusTypeError
            The document is a string.
        """
        counts = Counter(_as_words(document, "doc2bow"))
        missing = {word: counts[word] for word in sorted(counts) if word not in self.token2id}
        if allow_update:
            for word in missing:
                self._add(word)
        bag = sorted((self.token2id[word], count) for word, count in counts.items() if word in self.token2id)
        if allow_update:
            self.num_docs += 1
            self.num_pos += counts.total()
            self.num_nnz += len(bag)
            for token_id, count in bag:
                self.cfs[token_id] = self.cfs.get(token_id, 0) + count
                self.dfs[token_id] = self.dfs.get(token_id, 0) + 1
        return (bag, missing) if return_missing else bag

    def _add(self, word: str) -> int:
        n_words, token_id = self._next_id
        if n_words != len(self.token2id):  # ids may have gaps: one more than the highest
            token_id = max(self.token2id.values(), default=-1) + 1
        self.token2id[word] = token_id
        self._next_id = (len(self.token2id), token_id + 1)
        return token_id

    def doc2idx(self, document: Iterable[Any], unknown_word_index: int = -1) -> list[int]:
        """The id of each word of a document."""
        return [self.token2id.get(word, unknown_word_index) for word in _as_words(document, "doc2idx")]

    @staticmethod
    def from_corpus(corpus: Iterable[Sequence[tuple[int, Any]]], id2word: Any = None) -> Dictionary:
        """Make a dictionary from bags: lists of (id, count). ``cfs`` is filled, too; gensim leaves it empty.

        Parameters
        ----------
        corpus : iterable of bags
        id2word : mapping of int to str, optional
            None: a word is its id as a string.
        """
        made = Dictionary()
        for bag in corpus:
            made.num_docs += 1
            made.num_nnz += len(bag)
            for token_id, count in bag:
                made.num_pos += count
                made.dfs[token_id] = made.dfs.get(token_id, 0) + 1
                made.cfs[token_id] = made.cfs.get(token_id, 0) + count
        if id2word is None:
            made.token2id = {str(token_id): token_id for token_id in range(max(made.dfs, default=-1) + 1)}
        else:
            made.token2id = {to_unicode(word): token_id for token_id, word in id2word.items()}
            unknown = set(made.dfs) - set(made.token2id.values())
            if unknown:
                raise ParameterError(f"id2word must have a word for each id of the corpus, got none for {min(unknown)}")
        for token_id in made.token2id.values():
            made.dfs.setdefault(token_id, 0)
            made.cfs.setdefault(token_id, 0)
        return made

    # ---- choosing words

    def filter_extremes(
        self,
        no_below: float = 5,
        no_above: float = 0.5,
        keep_n: int | None = 100_000,
        keep_tokens: Iterable[str] | None = None,
    ) -> None:
        """Keep the words that are in ``no_below`` documents or more, and in ``no_above`` of all documents or less.

        Then the ``keep_n`` words in most documents are kept, and ids are shrunk.

        Parameters
        ----------
        no_below : int
        no_above : float
            A share of the documents, from 0 to 1.
        keep_n : int or None
        keep_tokens : iterable of str, optional
            Words that are kept whatever their counts are, before all others.
        """
        if not is_number(no_above) or not 0 <= no_above <= 1:
            raise ParameterError(f"no_above must be a share of the documents, from 0 to 1, got {no_above!r}")
        most = int(no_above * self.num_docs)
        always = {self.token2id[token] for token in keep_tokens or () if token in self.token2id}
        kept = [one for one in self.token2id.values() if no_below <= self.dfs.get(one, 0) <= most or one in always]
        kept.sort(key=lambda one: -(self.num_docs if one in always else self.dfs.get(one, 0)))
        self.filter_tokens(good_ids=kept if keep_n is None else kept[:keep_n])

    def filter_n_most_frequent(self, remove_n: int) -> None:
        """Remove the ``remove_n`` words that are in most documents."""
        falling = sorted(self.token2id.values(), key=lambda one: -self.dfs.get(one, 0))
        self.filter_tokens(bad_ids=falling[:remove_n])

    def filter_tokens(self, bad_ids: Iterable[int] | None = None, good_ids: Iterable[int] | None = None) -> None:
        """Remove the words with ``bad_ids``, or all but those with ``good_ids``; then ids are shrunk."""
        for ids, is_kept in ((bad_ids, False), (good_ids, True)):
            if ids is not None:
                chosen = set(ids)
                self._keep(lambda one, chosen=chosen, is_kept=is_kept: (one in chosen) == is_kept)  # type: ignore[misc]
        self.compactify()

    def _keep(self, is_kept: Callable[[int], bool]) -> None:
        n_before = len(self)
        self.token2id = {token: token_id for token, token_id in self.token2id.items() if is_kept(token_id)}
        self.cfs = {token_id: count for token_id, count in self.cfs.items() if is_kept(token_id)}
        self.dfs = {token_id: count for token_id, count in self.dfs.items() if is_kept(token_id)}
        logger.info("keeping %i of %i tokens", len(self), n_before)

    def compactify(self) -> None:
        """Give the words the ids 0, 1, ..., in the order of their old ids."""
        new_id = {token_id: place for place, token_id in enumerate(sorted(self.token2id.values()))}
        self.token2id = {token: new_id[token_id] for token, token_id in self.token2id.items()}
        self.cfs = {new_id[token_id]: count for token_id, count in self.cfs.items() if token_id in new_id}
        self.dfs = {new_id[token_id]: count for token_id, count in self.dfs.items() if token_id in new_id}
        self._id2token = {}
        self._next_id = (len(self), len(self))

    def merge_with(self, other: Mapping[int, str]) -> VocabTransform:
        """Add the words and counts of another dictionary, or of a mapping from ids to words.

        ``cfs`` is added, too, which gensim forgets.

        Returns
        -------
        VocabTransform
            ``result[bag]`` is a bag of the other dictionary in the ids of this one.
        """
        new_ids = {}
        for other_id, token in other.items():
            token_id = self.token2id[token] if token in self.token2id else self._add(token)
            new_ids[other_id] = token_id
            for name in ("dfs", "cfs"):
                counts, others = getattr(self, name), getattr(other, name, {})
                counts[token_id] = counts.get(token_id, 0) + others.get(other_id, 0)
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name, 0))
        return VocabTransform(new_ids)

    def patch_with_special_tokens(self, special_token_dict: Mapping[str, int]) -> None:
        """Give tokens the ids that are wanted; the words that have these ids get free ones.

        Counts follow their words; in gensim they stay with the ids.
        """
        for token, token_id in special_token_dict.items():
            old_id = self.token2id.get(token)
            if old_id == token_id:
                continue
            moved = self[token_id]
            free_id = self._add(token) if old_id is None else old_id
            self.token2id[moved], self.token2id[token] = free_id, token_id
            for counts in (self.dfs, self.cfs):
                counts[free_id], counts[token_id] = counts.get(token_id, 0), counts.get(free_id, 0)
            self._id2token = {}

    def most_common(self, n: int | None = None) -> list[tuple[str, int]]:
        """The words that occur most often, with their counts; equal ones by id."""
        falling = sorted(self.cfs.items(), key=lambda item: (-item[1], item[0]))
        return [(self[token_id], count) for token_id, count in falling[:n]]

    # ---- files

    def save_as_text(self, fname: str | os.PathLike[str], sort_by_word: bool = True) -> None:
        """Write a line with the number of documents, then ``id TAB word TAB documents`` for each word.

        Raises
        ------
        ParameterError
            A word has a tab or a line end.
        """
        words = (
            sorted(self.token2id) if sort_by_word else sorted(self.token2id, key=lambda word: -self._documents(word))
        )
        lines = [f"{self.num_docs}\n"]
        for word in words:
            if "\t" in word or "\n" in word:
                raise ParameterError(f"a word must have no tab and no line end to be saved as text, got {word!r:.60}")
            lines.append(f"{self.token2id[word]}\t{word}\t{self._documents(word)}\n")
        with whole_file(as_path(fname), overwrite=True) as file:
            file.write("".join(lines).encode("utf-8"))

    def _documents(self, word: str) -> int:
        return self.dfs.get(self.token2id[word], 0)

    @staticmethod
    def load_from_text(fname: str | os.PathLike[str]) -> Dictionary:
        """Read a file of ``save_as_text``. Old files have no number of documents, which is 0 then.

        Raises
        ------
        FormatError, OSError
        """
        made = Dictionary()
        with open_binary(fname) as file:
            for number, line in enumerate(file, 1):
                text = line.decode("utf-8").removesuffix("\n")
                if number == 1 and text.strip().isdigit():
                    made.num_docs = int(text)
                    continue
                if number == 1:
                    logger.warning("%s: the first line is no number of documents", fname)
                try:
                    token_id, word, count = text.split("\t")
                    row = (int(token_id), int(count))
                except ValueError:
                    raise FormatError(f"{fname}: line {number} must be id, word and count, got {text!r:.60}") from None
                if word in made.token2id or row[0] in made.dfs:
                    raise FormatError(f"{fname}: line {number} has a word or an id for the second time: {text!r:.60}")
                made.token2id[word] = row[0]
                made.dfs[row[0]] = row[1]
        return made

    def save(self, fname: str | os.PathLike[str], *args: Any, **kwargs: Any) -> None:
        """Write one safetensors file, which has no code. gensim's options for pickles are accepted and ignored."""
        state, tensors = pack_keys(list(self.token2id))
        ids = np.fromiter(self.token2id.values(), np.int64, len(self))
        counts = {name: np.array([getattr(self, name).get(one, -1) for one in ids.tolist()]) for name in ("dfs", "cfs")}
        numbers = {name: getattr(self, name) for name in _COUNTS}
        write_file(fname, "Dictionary", {**state, **numbers}, {**tensors, "ids": ids, **counts})

    @classmethod
    def load(cls, fname: str | os.PathLike[str], mmap: str | None = None) -> Dictionary:
        """Read a file of ``save``, or of gensim's ``save``, without running code from it.

        Raises
        ------
        StorageError, FormatError
        """
        made = cls()
        if not is_ours(fname):
            vars(made).update(read_gensim_dictionary(as_path(fname)))
            return made
        state, tensors = read_file(fname)
        if state.get("kind") != "Dictionary":
            raise FormatError(f"{fname}: holds {state.get('kind')!r:.60}, not Dictionary")
        words = unpack_keys(state, tensors, fname)
        columns = [tensors.get(name) for name in ("ids", "dfs", "cfs")]
        if not all(one is not None and one.shape == (len(words),) and one.dtype.kind in "if" for one in columns):
            raise FormatError(f"{fname}: there must be an id and two counts for each of {len(words)} words")
        ids, dfs, cfs = (one.tolist() for one in columns if one is not None)
        made.token2id = dict(zip(words, ids, strict=True))
        made.dfs = {token_id: count for token_id, count in zip(ids, dfs, strict=True) if count >= 0}
        made.cfs = {token_id: count for token_id, count in zip(ids, cfs, strict=True) if count >= 0}
        for name in _COUNTS:
            if not is_number(state.get(name)):
                raise FormatError(f"{fname}: {name} must be a number")
            setattr(made, name, state[name])
        return made


class VocabTransform:
    """Changes the ids of bags; ``Dictionary.merge_with`` returns it.

    Parameters
    ----------
    old2new : mapping of int to int
    """

    def __init__(self, old2new: Mapping[int, int]) -> None:
        self.old2new = old2new

    def __getitem__(self, bow: Iterable[Any]) -> Any:
        """A bag with the new ids, by id; for a corpus of bags, an iterator over them. Other ids are left out."""
        listed = list(bow)
        if listed and not (
            isinstance(listed[0], tuple) and len(listed[0]) == 2 and not isinstance(listed[0][0], tuple)
        ):
            return (self[bag] for bag in listed)
        return sorted((self.old2new[old], weight) for old, weight in listed if old in self.old2new)


def _as_words(document: Iterable[Any], function: str) -> Iterator[str]:
    if isinstance(document, (str, bytes)):
        raise CorpusTypeError(f"{function} must have a list of words, got the string {document!r:.40}; split it")
    for word in document:
        if not isinstance(word, (str, bytes)):
            raise CorpusTypeError(f"{function} must have words that are strings, got {type(word).__name__}")
        yield to_unicode(word)


__all__ = ["Dictionary", "VocabTransform"]
