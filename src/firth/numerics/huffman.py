"""Room numerics: the Huffman tree over word counts, with the numbering and codes of word2vec.c."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firth.errors import IdError, ShapeError
from firth.numerics._arrays import IntArray, as_counts


@dataclass(frozen=True, eq=False)
class HuffmanTree:
    """The path from the root to each word; the paths of all words are stored in common arrays.

    The path of word w is ``node_ids[offsets[w]:offsets[w + 1]]`` and begins at the root. The same slice of ``codes``
    has the branches at these nodes. A tree of V words has V - 1 inner nodes, numbered in the order of their
    construction, so the root is V - 2. The label that hierarchical softmax learns at a node is 1 - code.

    Attributes
    ----------
    offsets : int64 array, (V + 1,)
    node_ids : int32 array, (offsets[V],), in [0, V - 1)
    codes : uint8 array, (offsets[V],), 0 or 1
    """

    offsets: IntArray
    node_ids: NDArray[np.int32]
    codes: NDArray[np.uint8]

    @property
    def n_words(self) -> int:
        return len(self.offsets) - 1

    @property
    def n_nodes(self) -> int:
        """The number of inner nodes, which is the number of rows of the matrix of node vectors."""
        return self.n_words - 1

    def path(self, word_id: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """The inner nodes from the root to a word, and the branch at each node.

        Raises
        ------
        IdError
        """
        if not 0 <= word_id < self.n_words:
            raise IdError(f"word_id must be in [0, {self.n_words}), got {word_id}")
        steps = slice(self.offsets[word_id], self.offsets[word_id + 1])
        return self.node_ids[steps], self.codes[steps]


def build_huffman_tree(counts: ArrayLike) -> HuffmanTree:
    """The binary tree with the shortest mean path, weighted by the counts.

    Repeatedly, the two items of smallest count are joined under a new node, the smaller one on branch 0. Ties are
    resolved as in word2vec.c's ``CreateBinaryTree``: the next word is the last in descending order of count, the next
    node is the oldest; the word is taken first only if its count is *smaller* than the node's.

    Parameters
    ----------
    counts : int array, (V,), V at least 1
        Descending counts give word2vec.c's tree. Other counts are first sorted (stably); the paths are in the order of
        the given counts.

    Returns
    -------
    HuffmanTree
        A single word has an empty path.

    Raises
    ------
    ShapeError, ParameterError

    References
    ----------
    Huffman (1952); word2vec.c, ``CreateBinaryTree``.
    """
    counts = as_counts("counts", counts)
    n_words = len(counts)
    if n_words == 0:
        raise ShapeError("counts must have at least one word, got none")
    order = np.argsort(-counts, kind="stable")
    parents, branches = _join_smallest(counts[order].tolist())
    return _read_paths(order, parents, branches)


def _join_smallest(falling_counts: list[int]) -> tuple[IntArray, NDArray[np.uint8]]:
    """Parent and branch of each item. Items are words 0..V-1 and inner nodes V..2V-2; the last one is the root."""
    n_words = len(falling_counts)
    sums: list[int] = []  # counts of the inner nodes; they ascend, so the smallest one that is not joined is the next
    parents = np.zeros(2 * n_words - 1, np.int64)
    branches = np.zeros(2 * n_words - 1, np.uint8)
    next_word, next_node = n_words - 1, 0
    for new_node in range(n_words - 1):
        total = 0
        for branch in (0, 1):
            word_is_smaller = next_word >= 0 and (next_node == len(sums) or falling_counts[next_word] < sums[next_node])
            if word_is_smaller:
                item, count = next_word, falling_counts[next_word]
                next_word -= 1
            else:
                item, count = n_words + next_node, sums[next_node]
                next_node += 1
            parents[item] = n_words + new_node
            branches[item] = branch
            total += count
        sums.append(total)
    return parents, branches


def _read_paths(order: NDArray[Any], parents: IntArray, branches: NDArray[np.uint8]) -> HuffmanTree:
    n_words = len(order)
    root = 2 * n_words - 2
    depths = np.zeros(2 * n_words - 1, np.int64)
    for item in range(root - 1, n_words - 1, -1):  # descending, because a node's parent has a larger number
        depths[item] = depths[parents[item]] + 1
    if n_words > 1:
        depths[:n_words] = depths[parents[:n_words]] + 1

    lengths = np.empty(n_words, np.int64)
    lengths[order] = depths[:n_words]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    node_ids = np.empty(offsets[-1], np.int32)
    codes = np.empty(offsets[-1], np.uint8)

    # For all words at once, go one level up in each iteration and write the paths from their ends.
    items = np.arange(n_words)
    ends = offsets[order + 1]
    climbing = np.flatnonzero(items != root)
    while climbing.size:
        ends[climbing] -= 1
        at = items[climbing]
        codes[ends[climbing]] = branches[at]
        node_ids[ends[climbing]] = parents[at] - n_words
        items[climbing] = parents[at]
        climbing = climbing[items[climbing] != root]
    return HuffmanTree(offsets, node_ids, codes)
