from __future__ import annotations

import firth
from firth.base.html import MAX_ROWS, html_table, html_text


def test_text_is_escaped_and_numbers_are_short() -> None:
    table = html_table("<b>", ("a&b", "n"), [("<script>", 1234567), ("x", 0.123456789), ("y", None)])
    assert "<script>" not in table
    assert "&lt;script&gt;" in table and "a&amp;b" in table and "&lt;b&gt;" in table  # noqa: PT018
    assert "<td>1,234,567</td>" in table and "<td>0.1235</td>" in table and "<td></td>" in table  # noqa: PT018
    assert html_text("a < b") == "<pre>a &lt; b</pre>"


def test_a_long_table_tells_how_many_rows_are_missing() -> None:
    table = html_table("", ("n",), [(i,) for i in range(MAX_ROWS + 7)])
    assert table.count("<tr>") == MAX_ROWS + 1
    assert "<p>7 more</p>" in table


def test_what_a_notebook_shows() -> None:
    model = firth.train(
        [["a", "<b>", "a", "c"]] * 60, min_count=1, subsample=0, dims=4, threads=1, learning_rate=0.3, progress=False
    )
    for value, text in (
        (model, "skipgram, negative-sampling"),
        (model.vectors, "&lt;b&gt;"),
        (model.history, "words/s"),
        (model.vectors.neighbors("a"), "<th>similarity</th>"),
        (model.vectors.most_similar(["a"], ["c"]), "&lt;b&gt;"),
    ):
        shown = value._repr_html_()
        assert text in shown
        assert "<b>a" not in shown
    report = firth.check_gradient(lambda x: (float(x @ x), 2 * x), model.vectors.matrix[0].astype(float))
    assert report._repr_html_().startswith("<pre>gradient right")
