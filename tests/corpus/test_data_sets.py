"""Room tests/corpus: a column of a data set with the methods of Hugging Face's ``Dataset`` and ``IterableDataset``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from corpus_oracle import decoded, folder_bytes

from firth.corpus import data_sets
from firth.errors import CorpusError, CorpusTypeError, CorpusWarning

pa = pytest.importorskip("pyarrow")

TEXTS = ["north east", "", "east\nwest", "south"] * 3


class StreamedSet:
    """The methods of an IterableDataset that firth calls, over batches of Arrow."""

    def __init__(self, batches: list[Any], names: list[str] | None, *, is_arrow: bool = False) -> None:
        self.batches, self.column_names, self.is_arrow = batches, names, is_arrow
        self.features = names  # the types; None if they are not known before the rows are read

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self.batches:
            yield from batch.to_pylist()

    def select_columns(self, names: list[str]) -> StreamedSet:
        return StreamedSet([batch.select(names) for batch in self.batches], names, is_arrow=self.is_arrow)

    def with_format(self, kind: str) -> StreamedSet:
        assert kind == "arrow"
        return StreamedSet(self.batches, self.column_names, is_arrow=True)

    def iter(self, batch_size: int) -> Iterator[Any]:
        assert self.is_arrow
        assert batch_size > 0
        yield from self.batches


class LoadedSet(StreamedSet):
    """A Dataset: its length is known."""

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    def select_columns(self, names: list[str]) -> LoadedSet:
        return LoadedSet([batch.select(names) for batch in self.batches], names)

    def with_format(self, kind: str) -> LoadedSet:
        return LoadedSet(self.batches, self.column_names, is_arrow=kind == "arrow")


def _batches(values: list[Any], size: int = 5) -> list[Any]:
    parts = [values[start : start + size] for start in range(0, len(values), size)]
    return [pa.table({"id": range(len(part)), "text": part}) for part in parts]


@pytest.mark.parametrize("kind", [LoadedSet, StreamedSet])
@pytest.mark.parametrize("names", [["id", "text"], None])
def test_a_column_of_a_data_set_is_the_lines_of_a_text_file(encode, kind: Any, names: Any) -> None:
    data_set = kind(_batches(TEXTS), names)
    lines = "".join(text.replace("\n", " ") + "\n" for text in TEXTS).encode()
    expected = folder_bytes(encode(lines).folder)
    for threads in (1, 3):
        assert folder_bytes(encode(data_set, column="text", threads=threads).folder) == expected
    tokens = decoded(encode(data_set, column="text", tokenizer=lambda text: text.split("t")))[1]
    assert tokens[0] == ["nor", "h eas"]
    with pytest.raises(CorpusError, match="got 'body'; the columns are 'id', 'text'"):
        encode(data_set, column="body")


def test_lists_and_rows_without_a_value(encode) -> None:
    lists = StreamedSet(_batches([[1, 2], [2], [3, 1]], 2), None)
    assert decoded(encode(lists, column="text"))[1] == [[1, 2], [2], [3, 1]]
    for names in (None, ["id", "text"]):
        batches = [pa.table({"id": [0, 0], "text": pa.array(part, pa.string())}) for part in ([None] * 2, ["a", None])]
        with pytest.warns(
            CorpusWarning, match="3 of 4 rows have no value in the column 'text', such as rows of the Loa"
        ):
            found = decoded(encode(LoadedSet(batches, names), column="text"))[1]
        assert found == [[], [], ["a"], []]
    batches = [pa.table({"text": ["a"]}), pa.table({"title": ["b"]})]  # as JSON lines, whose keys differ
    with pytest.warns(CorpusWarning, match="1 of 2 rows have no value"):
        assert decoded(encode(StreamedSet(batches, None), column="text"))[1] == [["a"], []]


def test_data_sets_without_texts_are_refused(encode) -> None:
    with pytest.raises(CorpusTypeError, match="whose type is double"):
        encode(LoadedSet(_batches([1.5]), ["id", "text"]), column="text")
    changed = StreamedSet([*_batches(["a"]), *_batches([[1]])], None)
    with pytest.raises(CorpusTypeError, match="StreamedSet, row 1: the column 'text' must have texts in every row"):
        encode(changed, column="text")
    transformed: Any = LoadedSet(_batches(["a"]), ["id", "text"])
    transformed.format = {"type": "custom", "format_kwargs": {"transform": str.upper}}
    with pytest.raises(CorpusTypeError, match="must be a data set without a transform, got the LoadedSet with one"):
        encode(transformed, column="text")
    splits: Any = LoadedSet([], None)
    splits.column_names = {"train": ["text"], "test": ["text"]}
    with pytest.raises(CorpusTypeError, match=r"got the splits 'train', 'test'; pass one: dataset\['train'\]"):
        encode(splits, column="text")
    assert not data_sets.is_data_set([["a"]])
