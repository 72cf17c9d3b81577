"""Room base: the HTML that notebooks show for firth's objects: a title, and a table or plain text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

MAX_ROWS = 50


def html_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a title. Of more than `MAX_ROWS` rows the first are shown, and the number of the others is told.

    Parameters
    ----------
    title : str
    columns : sequence of str
    rows : iterable of sequences
        Floats are shown with four significant digits; None as an empty cell. All text is escaped.
    """
    listed = list(rows)
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in listed[:MAX_ROWS])
    more = f"<p>{len(listed) - MAX_ROWS:,} more</p>" if len(listed) > MAX_ROWS else ""
    heading = f"<p><b>{html.escape(title)}</b></p>" if title else ""
    return f"{heading}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def html_text(text: str) -> str:
    """Text in a font of one width, escaped."""
    return f"<pre>{html.escape(text)}</pre>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return html.escape(str(value))


__all__ = ["MAX_ROWS", "html_table", "html_text"]
