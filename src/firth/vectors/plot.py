"""Room vectors: draws words at two principal components, with labels that do not overlap."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from firth.base.values import as_integer
from firth.errors import MissingExtraError, ParameterError, StorageError
from firth.formats.target import whole_file, write_all
from firth.vectors.spaces import principal_components
from firth.vectors.word_vectors import WordVectors
from firth.vectors.words import Word

FORMATS = (".png", ".svg", ".pdf")
MOST_WORDS = 500
_DOTS_PER_INCH = 150
_MARGIN = 2.0  # pixels between any two labels, and between a label and a point
_POINT_RADIUS = 4.0
_DIRECTIONS = 16
_RINGS = 24
_GROWTH = 1.25  # factor by which the picture grows if the labels do not fit
_ATTEMPTS = 12

Box = tuple[float, float, float, float]  # left, bottom, right, top in pixels


def plot_words(
    vectors: WordVectors,
    words: Iterable[Word],
    path: str | os.PathLike[str] | None = None,
    *,
    neighbors: int = 0,
    title: str | None = None,
) -> Any:
    """Draw words at the two principal components of their unit vectors.

    A label that does not fit next to its point is placed further away, with a line to the point. The picture grows
    until all labels fit. The same words give the same picture. Characters that matplotlib's font lacks are drawn as
    boxes, with matplotlib's warning.

    Parameters
    ----------
    vectors : WordVectors
    words : list of words
        2 to 500 words, including the neighbours.
    path : path, optional
        File to write: .png, .svg or .pdf.
    neighbors : int
        Also draw this many nearest neighbours of each word, in grey.
    title : str, optional

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    MissingExtraError
        matplotlib is not installed.
    ParameterError, UnknownWordError, StorageError
    """
    target = None if path is None else _as_target(path)
    as_integer("neighbors", neighbors, minimum=0)
    asked: list[Word] = list(dict.fromkeys([words] if isinstance(words, (str, int)) else words))
    vectors.word_ids(asked)
    shown = list(asked)
    if neighbors and asked:
        for found in vectors.neighbors(asked, top=neighbors):
            shown.extend(neighbor.word for neighbor in found)
        shown = list(dict.fromkeys(shown))
    if not 2 <= len(shown) <= MOST_WORDS:
        raise ParameterError(f"words must be 2 to {MOST_WORDS}, neighbours included, got {len(shown)}")
    units = WordVectors(list(range(len(shown))), _unit_rows_of(vectors, shown))
    result = principal_components(units, n_components=min(2, vectors.dims))
    points = np.zeros((len(shown), 2))
    points[:, : result.coordinates.shape[1]] = result.coordinates
    figure = _draw(points, [str(word) for word in shown], len(asked), result.explained, title)
    if target is not None:
        _write(figure, target)
    return figure


def place_labels(points: npt.NDArray[np.float64], sizes: Sequence[tuple[float, float]], frame: Box) -> list[Box] | None:
    """Boxes for labels near their points, in pixels, that overlap neither each other, nor a point, nor the frame.

    Each label, in order, gets the first free position on growing rings around its point. None if a label does not fit.

    Parameters
    ----------
    points : float64 array, (n, 2)
    sizes : n pairs (width, height)
    frame : Box
        The labels are inside this box.
    """
    placed: list[Box] = []
    grown = _POINT_RADIUS + _MARGIN
    dots = [(x - grown, y - grown, x + grown, y + grown) for x, y in points.tolist()]
    for (x, y), (width, height) in zip(points.tolist(), sizes, strict=True):
        box = next(
            (
                candidate
                for candidate in _candidates(x, y, width, height)
                if frame[0] <= candidate[0]
                and frame[1] <= candidate[1]
                and candidate[2] <= frame[2]
                and candidate[3] <= frame[3]
                and not any(_meet(candidate, dot) for dot in dots)
                and not any(_meet(candidate, other, _MARGIN) for other in placed)
            ),
            None,
        )
        if box is None:
            return None
        placed.append(box)
    return placed


def _candidates(x: float, y: float, width: float, height: float) -> Iterable[Box]:
    for ring in range(_RINGS):
        gap = (_POINT_RADIUS + 2 * _MARGIN) * 1.25**ring
        for direction in range(_DIRECTIONS):
            angle = 2 * math.pi * direction / _DIRECTIONS
            # the centre of a label whose nearest edge is ``gap`` from the point
            center_x = x + math.cos(angle) * (gap + width / 2)
            center_y = y + math.sin(angle) * (gap + height / 2)
            yield center_x - width / 2, center_y - height / 2, center_x + width / 2, center_y + height / 2


def _meet(first: Box, second: Box, margin: float = 0.0) -> bool:
    return (
        first[0] < second[2] + margin
        and second[0] < first[2] + margin
        and first[1] < second[3] + margin
        and second[1] < first[3] + margin
    )


def _unit_rows_of(vectors: WordVectors, words: Sequence[Word]) -> npt.NDArray[np.float32]:
    return np.stack([vectors.mean_vector([word]) for word in words])


def _draw(
    points: npt.NDArray[np.float64],
    labels: Sequence[str],
    n_asked: int,
    explained: npt.NDArray[np.float64],
    title: str | None,
) -> Any:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("a plot needs matplotlib, which is not installed: pip install 'firth[plot]'") from None
    size = max(5.0, 1.1 * math.sqrt(len(labels)))
    for _ in range(_ATTEMPTS):
        figure = Figure(figsize=(1.4 * size, size), dpi=_DOTS_PER_INCH)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0.06, 0.07, 0.92, 0.86))
        span = np.maximum(np.ptp(points, axis=0), 1e-9)
        middle = (points.max(axis=0) + points.min(axis=0)) / 2
        axes.set_xlim(middle[0] - 0.6 * span[0], middle[0] + 0.6 * span[0])
        axes.set_ylim(middle[1] - 0.6 * span[1], middle[1] + 0.6 * span[1])
        axes.set_xticks([])
        axes.set_yticks([])
        captions = [f"component {place + 1}: {share:.0%} of the variance" for place, share in enumerate(explained)]
        axes.set_xlabel(captions[0], fontsize=8, color="0.4")
        axes.set_ylabel(captions[1] if len(captions) > 1 else "", fontsize=8, color="0.4")
        for spine in axes.spines.values():
            spine.set_color("0.8")
        if title is not None:
            axes.set_title(title, fontsize=11, parse_math=False)
        colors = ["#1f5a96" if place < n_asked else "0.55" for place in range(len(labels))]
        texts = [
            axes.text(x, y, label, fontsize=9, color="0.1" if place < n_asked else "0.45", parse_math=False)
            for place, ((x, y), label) in enumerate(zip(points.tolist(), labels, strict=True))
        ]
        renderer = canvas.get_renderer()
        extents = [text.get_window_extent(renderer) for text in texts]
        pixels = axes.transData.transform(points)
        window = axes.get_window_extent(renderer)
        frame = (window.x0 + _MARGIN, window.y0 + _MARGIN, window.x1 - _MARGIN, window.y1 - _MARGIN)
        boxes = place_labels(pixels, [(extent.width, extent.height) for extent in extents], frame)
        if boxes is None:
            size *= _GROWTH
            continue
        back = axes.transData.inverted()
        for text, extent, box, pixel, point in zip(texts, extents, boxes, pixels, points, strict=True):
            # move the drawn extent, not the anchor, to the box
            anchor = axes.transData.transform(point)
            moved = back.transform((box[0] + anchor[0] - extent.x0, box[1] + anchor[1] - extent.y0))
            text.set_position((float(moved[0]), float(moved[1])))
            near = np.clip(pixel, box[:2], box[2:])
            if np.hypot(*(near - pixel)) > 3 * _POINT_RADIUS:
                line = back.transform([pixel, near])
                axes.plot(line[:, 0], line[:, 1], color="0.75", linewidth=0.6, zorder=1)
        area = (2 * _POINT_RADIUS * 72 / _DOTS_PER_INCH) ** 2
        axes.scatter(points[:, 0], points[:, 1], s=area, c=colors, linewidths=0, zorder=2)
        return figure
    raise ParameterError(f"words must be fewer or shorter to be drawn, got {len(labels)} labels that do not fit")


def _as_target(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    if target.suffix.lower() not in FORMATS:
        raise ParameterError(f"path must end in {', '.join(FORMATS)}, got {target.name!r}")
    if not target.parent.is_dir():
        raise StorageError(f"path must lie in a folder that exists, got {target.parent}")
    return target


def _write(figure: Any, target: Path) -> None:
    import matplotlib

    drawn = io.BytesIO()
    kind = target.suffix.lower()[1:]
    # without a time and random ids, so that the same words give the same file
    metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context({"svg.hashsalt": "firth"}):
        figure.savefig(drawn, format=kind, dpi=_DOTS_PER_INCH, metadata=metadata)
    try:
        with whole_file(target, overwrite=True, compress=False) as file:
            write_all(file, drawn.getvalue())
    except StorageError as error:
        raise StorageError(f"the picture could not be written: {error.strerror or error}") from error
