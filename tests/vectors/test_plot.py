"""Pictures: labels that do not meet, files that are the same each time."""

from __future__ import annotations

import errno
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from firth.errors import MissingExtraError, ParameterError, StorageError, UnknownWordError
from firth.vectors import WordVectors, plot_words
from firth.vectors.plot import _meet, place_labels

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.fixture(scope="module")
def crowd() -> WordVectors:
    """Words in tight clusters, two of them at one point."""
    rng = np.random.default_rng(0)
    matrix = np.repeat(rng.standard_normal((6, 10)), 10, axis=0) + 0.02 * rng.standard_normal((60, 10))
    matrix[1] = matrix[0]
    return WordVectors([f"word{'s' * (i % 9)}{i}" for i in range(60)], matrix)


def label_boxes(figure) -> list[tuple[float, float, float, float]]:
    renderer = figure.canvas.get_renderer()
    extents = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    return [(extent.x0, extent.y0, extent.x1, extent.y1) for extent in extents]


def test_labels_do_not_meet(crowd: WordVectors, tmp_path: Path) -> None:
    figure = plot_words(crowd, list(crowd), tmp_path / "crowd.png", title="60 words")
    boxes = label_boxes(figure)
    assert [text.get_text() for text in figure.axes[0].texts] == list(crowd)
    assert not any(_meet(first, second) for first, second in itertools.combinations(boxes, 2))
    points = figure.axes[0].transData.transform(figure.axes[0].collections[0].get_offsets())
    assert len(points) == 60
    assert not any(_meet(box, (x, y, x, y)) for box in boxes for x, y in points)
    window = figure.axes[0].get_window_extent()
    assert all(window.x0 <= b[0] and window.y0 <= b[1] and b[2] <= window.x1 and b[3] <= window.y1 for b in boxes)
    assert (tmp_path / "crowd.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_the_same_words_give_the_same_file(crowd: WordVectors, tmp_path: Path, suffix: str) -> None:
    words = list(crowd)[::6]
    for name in ("first", "second"):
        plot_words(crowd, words, tmp_path / (name + suffix))
    first, second = ((tmp_path / (name + suffix)).read_bytes() for name in ("first", "second"))
    assert first == second
    assert first


def test_neighbours_are_drawn_too(compass: WordVectors) -> None:
    figure = plot_words(compass, ["north", "east"], neighbors=1)
    assert [text.get_text() for text in figure.axes[0].texts] == ["north", "east", "northeast"]


def test_odd_words() -> None:
    figure = plot_words(WordVectors(["$x", "a_b^$", "Ärger"], [[1.0], [2.0], [3.0]]), ["$x", "a_b^$", "Ärger", "$x"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["$x", "a_b^$", "Ärger"]
    integers = plot_words(WordVectors([5, 6], np.eye(2)), [5, 6])
    assert [text.get_text() for text in integers.axes[0].texts] == ["5", "6"]


def test_place_labels() -> None:
    frame = (0.0, 0.0, 400.0, 300.0)
    points = np.array([[100.0, 100.0], [102.0, 100.0], [395.0, 295.0]])
    boxes = place_labels(points, [(60.0, 12.0)] * 3, frame)
    assert boxes is not None
    assert not any(_meet(first, second) for first, second in itertools.combinations(boxes, 2))
    assert place_labels(points, [(500.0, 12.0)] * 3, frame) is None


def test_refused(crowd: WordVectors, tmp_path: Path) -> None:
    words = list(crowd)[:3]
    with pytest.raises(ParameterError, match=r"path must end in .png, .svg, .pdf, got 'x.txt'"):
        plot_words(crowd, words, tmp_path / "x.txt")
    with pytest.raises(StorageError, match="path must lie in a folder that exists"):
        plot_words(crowd, words, tmp_path / "none" / "x.png")
    with pytest.raises(UnknownWordError):
        plot_words(crowd, ["nobody", *words])
    with pytest.raises(ParameterError, match="words must be 2 to 500, neighbours included, got 1"):
        plot_words(crowd, words[:1])
    with pytest.raises(ParameterError, match="neighbors must be at least 0, got -1"):
        plot_words(crowd, words, neighbors=-1)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(StorageError, match="must be a file to be replaced, got a folder"):
        plot_words(crowd, words, tmp_path / "folder.png")


def test_a_disk_that_fills_leaves_the_old_picture(
    crowd: WordVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")

    def fill(file: Any, data: bytes) -> None:
        file.write(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("firth.vectors.plot.write_all", fill)
        with pytest.raises(StorageError, match="the disk is full"):
            plot_words(crowd, list(crowd.words[:3]), path)
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a.png", b"old")]
    plot_words(crowd, list(crowd.words[:3]), path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib(crowd: WordVectors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"a plot needs matplotlib.*pip install 'firth\[plot\]'"):
        plot_words(crowd, list(crowd)[:3])
