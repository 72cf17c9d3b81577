"""Word pairs and questions in their makers' forms: what is read, what is refused, and an account of every line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import EncodingError, FirthError, FormatError, ParameterError
from firth.vectors import WordVectors, evaluate_analogies, evaluate_word_pairs
from firth.vectors.pair_files import read_word_pairs
from firth.vectors.question_files import read_questions

PAIRS = [
    ("north", "south", 3.5),
    ("east", "west", 4.0),
    ("north", "east", 2.25),
    ("south", "west", 2.0),
    ("wind", "rain", 3.75),
    ("wind", "north", 1.5),
]


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "pairs"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def rows(form: str, heading: str = "", end: str = "\n") -> str:
    """A line for every pair; ``form`` has the places {a}, {b}, {s} and the pair's number {i}."""
    lines = [form.format(a=a, b=b, s=f"{s:g}", i=i) for i, (a, b, s) in enumerate(PAIRS)]
    return "".join(line + end for line in ([heading] if heading else []) + lines)


FORMS = {
    "three columns, tabs": (rows("{a}\t{b}\t{s}"), (1, 2, 3)),
    "three columns, white space": (rows("{a} {b}   {s}"), (1, 2, 3)),
    "CR LF": (rows("{a}\t{b}\t{s}", end="\r\n"), (1, 2, 3)),
    "CR alone": (rows("{a}\t{b}\t{s}", end="\r"), (1, 2, 3)),
    "SimLex-999.txt": (
        rows(
            "{a}\t{b}\tN\t{s}\t2.72\t2.81\t2\t7.25\t1\t0.41",
            "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)",
        ),
        (1, 2, 4),
    ),
    "WordSim's combined.csv": (rows("{a},{b},{s}", "Word 1,Word 2,Human (mean)", "\r\n"), (1, 2, 3)),
    "WordSim's combined.tab": (rows("{a}\t{b}\t{s}", "Word 1\tWord 2\tHuman (mean)"), (1, 2, 3)),
    "WordSim's set1.tab": (
        rows("{a}\t{b}\t{s}\t9\t6\t8\t", "Word 1\tWord 2\tHuman (mean)\t1\t2\t3\t"),
        (1, 2, 3),
    ),
    "WordSim's set1.csv": (rows("{a},{b},{s},9,6,8", "Word 1,Word 2,Human (mean),1,2,3"), (1, 2, 3)),
    "gensim's wordsim353.tsv": ("# The test collection\n" + rows("{a}\t{b}\t{s}", "# Word 1\tWord 2"), (1, 2, 3)),
    "a heading of other white space": (rows("{a} {b} {s}", "word 1 word 2 score"), (1, 2, 3)),
    "rw.txt": (rows("{a}\t{b}\t{s}\t7\t5\t1\t4\t6\t8\t9\t8\t10\t6"), (1, 2, 3)),
    "SimVerb-3500.txt": (rows("{a}\t{b}\tV\t{s}\tSYNONYMS"), (1, 2, 4)),
    "MTurk-771.csv": (rows("{a},{b},{s}"), (1, 2, 3)),
    "RG-65 with semicolons": (rows("{a};{b};{s}"), (1, 2, 3)),
    "index, commas, heading": (rows("{i},{a},{b},{s}", ",word1,word2,similarity"), (2, 3, 4)),
    "index, commas, no heading": (rows("{i},{a},{b},{s}"), (2, 3, 4)),
    "index, score first": (rows("{i},{s},{a},{b},synonyms", ",similarity,word1,word2,relation"), (3, 4, 2)),
    "score first, no heading": (rows("{s} {a} {b}"), (2, 3, 1)),
    "quotes": (rows('"{a}","{b}",{s}', '"word1","word2","score"'), (1, 2, 3)),
    "spaces behind commas": (rows("{a}, {b}, {s}"), (1, 2, 3)),
    "a heading in another language": (rows("{a};{b};{s}", "Wort A;Wort B;Urteil"), (1, 2, 3)),
    "frequencies between": (rows("{a}\t10\t{b}\t20\t{s}", "word1\tfreq1\tword2\tfreq2\tscore"), (1, 3, 5)),
    "bars": (rows("{a}|{b}|{s}"), (1, 2, 3)),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_the_makers(name: str, tmp_path: Path) -> None:
    text, columns = FORMS[name]
    file = read_word_pairs(write(tmp_path, text))
    assert file.pairs == PAIRS
    assert file.layout.columns == columns
    assert file.layout.guessed == ("delimiter", "columns")
    assert file.lines.n_bad == 0
    assert (file.lines.heading_line is not None) == (file.lines.n_lines - file.lines.n_comments > len(PAIRS))


def test_decimal_commas_are_read_or_refused_and_never_cut(tmp_path: Path) -> None:
    for form in ("{a}\t{b}\t{s}", "{a};{b};{s}", '"{a}","{b}","{s}"', "{a} {b} {s}"):
        text = "".join(form.format(a=a, b=b, s=f"{s:g}".replace(".", ",")) + "\n" for a, b, s in PAIRS)
        file = read_word_pairs(write(tmp_path, text))
        assert (file.pairs, file.layout.decimal) == (PAIRS, ",")
    mixed = read_word_pairs(write(tmp_path, "a\tb\t7,35\nc\td\t1.5\ne\tf\t2\ng\th\t3,5\n"))
    assert [pair[2] for pair in mixed.pairs] == [1.5, 2.0]
    (bad,) = mixed.lines.bad
    assert (bad.n_lines, bad.first_line, bad.example) == (2, 1, "a\tb\t7,35")
    assert "decimal comma" in bad.reason
    thousands = read_word_pairs(write(tmp_path, "a\tb\t1,500\nc\td\t200\ne\tf\t2,500\n"))
    assert [pair[2] for pair in thousands.pairs] == [200.0]
    assert "may be a decimal comma or separate thousands" in thousands.lines.bad[0].reason
    with pytest.raises(FormatError, match=r"may be one number with a decimal comma \(3,5\)"):
        read_word_pairs(write(tmp_path, "north,south,3,5\neast,west,2,25\n"))
    some = read_word_pairs(write(tmp_path, "a,b,3\nc,d,2\ne,f,1\ng,h,3,5\n"))
    assert len(some.pairs) == 3
    assert "4 columns where 3 are usual; a number with a decimal comma is two of them" in some.lines.bad[0].reason


def test_pairs_of_many_bad_lines_are_no_quiet_score(tmp_path: Path) -> None:
    """16 good lines of 353 had a Spearman of 0.64, and nothing was said of the others."""
    lines = [f"a{i}\tb{i}\t{i}.5" for i in range(16)] + [f"c{i}\td{i}\t{i % 10},35" for i in range(337)]
    vectors = WordVectors(["a0", "b0"], [[1, 0], [1, 1]])
    path = write(tmp_path, "\n".join(lines))
    with pytest.raises(
        FormatError, match=r"337 of 353 lines that are not pairs: 337 lines: the score has a decimal comma"
    ):
        evaluate_word_pairs(vectors, path)
    score = evaluate_word_pairs(vectors, path, bad_lines="skip")
    assert (score.lines.n_lines, score.lines.n_counted, score.lines.n_bad, score.n_skipped_lines) == (353, 16, 337, 337)


def test_a_damaged_first_line_is_no_heading(tmp_path: Path) -> None:
    for first in ("north\tsouth\tNaN", "north\tsouth\t3;5", "north\tsouth", "north\tsouth\t", "north\tnew\tbad"):
        file = read_word_pairs(write(tmp_path, first + "\n" + rows("{a}\t{b}\t{s}")))
        assert file.lines.heading_line is None
        assert [(bad.first_line, bad.n_lines) for bad in file.lines.bad] == [(1, 1)]
    twice = read_word_pairs(write(tmp_path, 2 * rows("{a}\t{b}\t{s}", "word1\tword2\tscore")))
    assert twice.lines.heading_line == 1
    assert [bad.first_line for bad in twice.lines.bad] == [len(PAIRS) + 2]


def test_every_reason_is_told_with_its_first_line(tmp_path: Path) -> None:
    text = (
        "word1,word2,score\na,b,1.5\n\n# comment\nc,d\ne,f,\n,g,2.5\nh,i,much\nj,k,1e999\nl,m,2,5\nn,o,x\n"
        + 'p,"q,3.5\n,,\nr,s,4.5\n'
    )
    lines = read_word_pairs(write(tmp_path, text)).lines
    assert {(bad.first_line, bad.n_lines) for bad in lines.bad} == {(5, 1), (6, 1), (7, 1), (8, 3), (10, 1), (12, 1)}
    assert (lines.n_counted, lines.n_blank, lines.n_comments, lines.heading_line) == (2, 2, 1, 1)
    assert lines.n_lines == text.count("\n")
    assert lines.bad[0].n_lines == 3, "the most frequent reason comes first"
    assert "3 lines: the score is not a finite number (first in line 8: 'h,i,much')" in lines.describe_bad()


def test_columns_and_delimiter_that_are_given(tmp_path: Path) -> None:
    path = write(tmp_path, rows("{a}\t{b}\tN\t0.5\t{s}", "word1\tword2\tPOS\tassociation\tSimilarity"))
    for columns in ((1, 2, 5), ("word1", "word2", "Similarity"), ("WORD1", 2, "similarity")):
        file = read_word_pairs(path, columns=columns)
        assert file.pairs == PAIRS
        assert file.layout.guessed == ("delimiter",)
        assert file.layout.names == ("word1", "word2", "Similarity")
    assert read_word_pairs(path, "\t", (1, 2, 4)).pairs[0] == ("north", "south", 0.5)
    assert read_word_pairs(write(tmp_path, rows("{a}::{b}::{s}")), "::").pairs == PAIRS
    for columns, message in (
        ((1, 2), "columns must be three"),
        ("abc", "columns must be three"),
        ((1, 1, 2), "columns must be three"),
        ((0, 1, 2), "numbers from 1, got 0"),
        ((1, 2, 6), "columns must be at most 5"),
        (("word1", "word2", "mean"), "'mean' is no column of it"),
        ((1, "word1", 5), "three different columns"),
    ):
        with pytest.raises(ParameterError, match=message):
            read_word_pairs(write(tmp_path, rows("{a}\t{b}\tN\t1\t{s}", "word1\tword2\tPOS\tx\tscore")), None, columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "1\tBrazil\tn\tnut\tn\tin <b> Brazil </b> the\ta <b> nut </b> thin\t1.1\t0\n" * 3,
            "words without contexts.*SCWS",
        ),
        ("N cat dog bird 5.5\nN hen cow bull 3.5\n", "must have exactly two columns of words"),
        ("New York Rome 3.5\nNew Jersey Paris 2.5\n", "must have exactly two columns of words"),
        ("3.5 cat dog 0.5\n2.5 hen cow 0.75\n1.5 cat cow 0.25\n", "must have exactly two columns of words"),
        (
            rows("{a};{b};20;{s}", "Wort1;Wort2;Anzahl;Mittel"),
            "one of scores, got 4 columns: 'Wort1', 'Wort2', 'Anzahl'",
        ),
        (rows("{a},{b},20,{s}", "word1,word2,n,opinion"), "must have exactly two columns of words"),
        ("cat 10 dog 20 5.5\nhen 30 cow 40 3.5\n", "must have exactly two columns of words"),
        (rows("{a},{b},{s},{s}", "word1,word2,similarity,relatedness"), "one column of scores, got 'similarity', 'rel"),
    ],
)
def test_a_layout_that_could_be_another_is_refused(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        read_word_pairs(write(tmp_path, text))


def test_words_that_are_numbers_or_look_like_tags(tmp_path: Path) -> None:
    assert read_word_pairs(write(tmp_path, "10 20 0.5\n30 40 0.25\n")).pairs == [("10", "20", 0.5), ("30", "40", 0.25)]
    assert read_word_pairs(write(tmp_path, "a v 9\na n 5\n")).pairs == [("a", "v", 9.0), ("a", "n", 5.0)]
    assert read_word_pairs(write(tmp_path, "nan inf 9\ninf na 5\n")).pairs == [("nan", "inf", 9.0), ("inf", "na", 5.0)]


def test_parts_of_speech_are_taken_off_where_the_vectors_know_the_words_without(tmp_path: Path) -> None:
    path = write(tmp_path, "sun-n light-n 50.0\nrun-v red-j 20\nsun-n run-v 10\n")
    bare = WordVectors(["sun", "light", "run", "red"], [[1, 0], [4, 3], [0, 1], [-1, 0]])
    tagged = WordVectors(["sun-n", "light-n", "run-v", "red-j"], bare.matrix)
    for vectors, removed in ((bare, True), (tagged, False)):
        score = evaluate_word_pairs(vectors, path)
        assert (score.n_pairs, score.n_unknown, score.tags_removed) == (3, 0, removed)
    assert not evaluate_word_pairs(bare, write(tmp_path, "sun-n light 50.0\nrun red 20\n")).tags_removed


CELLS = st.sampled_from(["a", "b", "1.5", "2,5", "", " ", "\t", ",", ";", '"', "#", "word1", "nan", "\r", "x y"])


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(CELLS, max_size=6), min_size=1, max_size=8))
def test_no_line_is_without_an_account(tmp_path_factory: pytest.TempPathFactory, lines: list[list[str]]) -> None:
    path = tmp_path_factory.getbasetemp() / "any"
    text = "\n".join("\t".join(line) for line in lines)
    path.write_bytes(text.encode())
    try:
        counts = read_word_pairs(path).lines
    except FirthError:
        return
    assert counts.n_lines == len(text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n"))


# ---- questions


def test_sections_without_a_space_and_other_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "# about\n:first\na b c d\n\n:second kind\na b c e\n: third\na b c\na b c f\n:) b c d\n")
    file = read_questions(path)
    assert file.names == ["first", "second kind", "third"]
    assert file.section_ids == [0, 1, 2]
    counts = file.lines
    assert (counts.n_counted, counts.n_sections, counts.n_blank, counts.n_comments) == (3, 3, 1, 1)
    assert [(bad.first_line, bad.n_lines) for bad in counts.bad] == [(8, 1), (10, 1)]
    assert counts.n_lines == 10


def test_a_heading_of_questions_is_no_question(tmp_path: Path) -> None:
    for mark in (" ", "\t", ";"):
        file = read_questions(write(tmp_path, "word1 word2 word3 word4\na b c d\n".replace(" ", mark)))
        assert file.questions == [("a", "b", "c", "d")]
        assert (file.lines.heading_line, file.lines.n_bad, file.names) == (1, 0, ["questions"])


def test_a_table_of_questions(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        ',type,word1,word2,word3,target\n0,x, new york ,b,c,d\n1,y,"a, b",b,c,e\n2,x,a,b,c,f\n3,y,a,b,c\n',
    )
    file = read_questions(path)
    assert file.names == ["x", "y"]
    assert file.section_ids == [0, 1, 0]
    assert file.questions == [("new york", "b", "c", "d"), ("a, b", "b", "c", "e"), ("a", "b", "c", "f")]
    assert file.lines.heading_line == 1
    assert [bad.first_line for bad in file.lines.bad] == [5]
    vectors = WordVectors(["a", "b", "c", "f"], [[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1]])
    assert evaluate_analogies(vectors, path, bad_lines="skip").total.n_correct == 1


def test_delimiters_at_the_end_of_a_line_are_no_columns(tmp_path):
    assert read_word_pairs(write(tmp_path, "a\ta\t1.5\t\t\n")).pairs == [("a", "a", 1.5)]


def test_marks_of_joined_files_are_no_words(tmp_path):
    joined = "north\tsouth\t3.5\n\ufeffeast\twest\t4.0\n\ufeff\ufeffwind\train\t3.75\n"
    read = read_word_pairs(write(tmp_path, "\ufeff" + joined))
    assert [pair[:2] for pair in read.pairs] == [("north", "south"), ("east", "west"), ("wind", "rain")]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32"])
def test_wide_encodings_are_named(tmp_path, encoding):
    path = write(tmp_path, "north\tsouth\t3.5\neast\twest\t4.0\n".encode(encoding))
    for read in (read_word_pairs, read_questions):
        with pytest.raises(EncodingError, match="begins like UTF-"):
            read(path)


def test_files_that_are_no_text_are_named(tmp_path):
    path = write(tmp_path, b"PK\x03\x04" + bytes(40))
    for read in (read_word_pairs, read_questions):
        with pytest.raises(FormatError, match="zip"):
            read(path)
