"""The Huffman tree: word2vec.c's own algorithm transcribed, optimality, prefix codes, validation."""

from __future__ import annotations

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import IdError, ParameterError, ShapeError
from firth.numerics import build_huffman_tree


def transcribe_create_binary_tree(counts):
    """word2vec.c's CreateBinaryTree, line by line: (point, code) of each word, root first."""
    vocab_size = len(counts)
    count = [*counts, *([10**15] * (vocab_size + 1))]
    binary, parent_node = [0] * (2 * vocab_size + 1), [0] * (2 * vocab_size + 1)
    pos1, pos2 = vocab_size - 1, vocab_size
    for a in range(vocab_size - 1):
        smallest = []
        for _ in range(2):
            if pos1 >= 0:
                if count[pos1] < count[pos2]:
                    smallest.append(pos1)
                    pos1 -= 1
                else:
                    smallest.append(pos2)
                    pos2 += 1
            else:
                smallest.append(pos2)
                pos2 += 1
        min1i, min2i = smallest
        count[vocab_size + a] = count[min1i] + count[min2i]
        parent_node[min1i] = parent_node[min2i] = vocab_size + a
        binary[min2i] = 1
    paths = []
    for a in range(vocab_size):
        b, code, point = a, [], []
        while True:
            code.append(binary[b])
            point.append(b)
            b = parent_node[b]
            if b == vocab_size * 2 - 2:
                break
        points = [vocab_size - 2] + [0] * len(code)
        codes = [0] * len(code)
        for i in range(len(code)):
            codes[len(code) - i - 1] = code[i]
            points[len(code) - i] = point[i] - vocab_size
        paths.append((points[:-1], codes))  # the last point is the word itself
    return paths


@given(st.lists(st.integers(1, 50), min_size=2, max_size=60))
def test_equals_word2vec_c(counts) -> None:
    counts = sorted(counts, reverse=True)
    tree = build_huffman_tree(counts)
    assert tree.n_words == len(counts)
    assert tree.n_nodes == len(counts) - 1
    for word_id, (points, codes) in enumerate(transcribe_create_binary_tree(counts)):
        node_ids, branches = tree.path(word_id)
        assert node_ids.tolist() == points
        assert branches.tolist() == codes


def test_by_hand() -> None:
    # 1 + 2 = node 0 (3); 3 + 4: the node comes first at a tie, so node 1 = word 1 (3)... see below.
    tree = build_huffman_tree([4, 3, 2, 1])
    # Node 0 joins word 3 and word 2 (1 + 2). Next smallest: node 0 (3, not smaller than word 1's 3), then word 1:
    # node 1 (6). Last word 0 (4) and node 1: the root, node 2.
    assert [tree.path(word)[0].tolist() for word in range(4)] == [[2], [2, 1], [2, 1, 0], [2, 1, 0]]
    assert [tree.path(word)[1].tolist() for word in range(4)] == [[0], [1, 1], [1, 0, 1], [1, 0, 0]]


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=80))
def test_the_weighted_length_is_least(counts) -> None:
    tree = build_huffman_tree(counts)
    lengths = np.diff(tree.offsets)
    heap = list(counts)
    heapq.heapify(heap)
    least = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        least += joined
        heapq.heappush(heap, joined)
    assert sum(int(length) * count for length, count in zip(lengths, counts, strict=True)) == least


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40))
def test_codes_are_prefix_free_and_complete(counts) -> None:
    tree = build_huffman_tree(counts)
    codes = {"".join(map(str, tree.path(word)[1])) for word in range(tree.n_words)}
    assert len(codes) == tree.n_words
    assert sum(0.5 ** len(code) for code in codes) == 1
    used = {int(node) for node in tree.node_ids}
    assert used == set(range(tree.n_nodes))
    for word in range(tree.n_words):
        assert tree.path(word)[0][0] == tree.n_nodes - 1


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_unsorted_counts_give_the_same_lengths(counts, random) -> None:
    shuffled = list(counts)
    random.shuffle(shuffled)
    by_count = sorted(zip(counts, np.diff(build_huffman_tree(counts).offsets), strict=True))
    assert by_count == sorted(zip(shuffled, np.diff(build_huffman_tree(shuffled).offsets), strict=True))


def test_one_word_and_types() -> None:
    tree = build_huffman_tree([5])
    assert (tree.n_words, tree.n_nodes, tree.path(0)[0].size) == (1, 0, 0)
    tree = build_huffman_tree([2, 1])
    assert (tree.offsets.dtype, tree.node_ids.dtype, tree.codes.dtype) == (np.int64, np.int32, np.uint8)


def test_counts_beyond_the_sentinel_of_word2vec_c() -> None:
    tree = build_huffman_tree([2**61, 2**61, 1])
    assert np.diff(tree.offsets).tolist() == [1, 2, 2]


def test_validation() -> None:
    with pytest.raises(ShapeError, match="at least one word"):
        build_huffman_tree([])
    with pytest.raises(ShapeError, match="counts must have the shape"):
        build_huffman_tree([[1]])
    with pytest.raises(ParameterError, match="must not be negative, got -1"):
        build_huffman_tree([3, -1])
    with pytest.raises(ParameterError, match="must hold integers"):
        build_huffman_tree([1.5])
    with pytest.raises(IdError, match=r"word_id must be in \[0, 1\), got 1"):
        build_huffman_tree([3]).path(1)
