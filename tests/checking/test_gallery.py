"""Every implementation of the gallery, right and wrong, gets the verdict and the findings that its first line says.

The gallery has a folder for each file of ``firth.checking.kinds``. A program's first line names its functions, each
with its verdict, and after it the conventions and the codes that the report must have:

    # negSamplingCostAndGradient: wrong-gradient, target reject, repeats overwrite, codes repeats-overwritten
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from firth.checking import KINDS, FunctionReport, Limits, check_paths, kinds

GALLERY = Path(__file__).parent / "gallery"
FILES = sorted(path.relative_to(GALLERY).as_posix() for path in GALLERY.rglob("*.py"))
VERDICTS = ("correct", "wrong-objective", "wrong-gradient", "wrong", "broken")
CONVENTIONS = ("target", "reduction", "repeats")


@dataclass
class Expected:
    """What the report of one function must have."""

    file: str
    function: str
    verdict: str
    conventions: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(CONVENTIONS))
    codes: set[str] = field(default_factory=set)


def read_expected(file: str, line: str) -> list[Expected]:
    """The functions of a first line; an AssertionError where it says something that has no meaning."""
    assert line.startswith("# "), f"{file}: the first line must name the functions and their verdicts, got {line!r}"
    found = []
    for part in line.removeprefix("# ").split("; "):
        match = re.fullmatch(r"(\w+): ([\w-]+)((?:, \w+ [\w -]+)*)", part)
        assert match is not None, f"{file}: must be `function: verdict, convention value, codes code ...`, got {part!r}"
        assert match[2] in VERDICTS, f"{file}: {match[2]!r} is no verdict"
        expected = Expected(file, match[1], match[2])
        for name, value in re.findall(r", (\w+) ([\w -]+)", match[3]):
            if name == "codes":
                expected.codes = set(value.split())
            else:
                assert name in CONVENTIONS, f"{file}: {name!r} is no convention"
                expected.conventions[name] = value
        found.append(expected)
    return found


EXPECTED = [
    expected
    for file in FILES
    for expected in read_expected(file, (GALLERY / file).read_text(encoding="utf-8").split("\n", 1)[0])
]

# Each must be seen in the gallery, or the test of it could not fail.
CODES = set(
    """
    target-always-negative draws-dropped repeats-overwritten reduction-mismatch reduction-other cost-shape
    gradient-shape not-finite inaccurate soft-labels sign scaled transposed product-of-sums softmax-jacobian
    block-wrong input-modified
    """.split()  # noqa: SIM905
)


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str], FunctionReport]:
    found = {}
    for report in check_paths([GALLERY], limits=Limits(time_s=20)):
        assert report.error is None, report
        for function in report.functions:
            found[Path(report.file).relative_to(GALLERY).as_posix(), function.name] = function
    return found


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda e: f"{e.file.removesuffix('.py')}:{e.function}")
def test_verdict(expected: Expected, reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports[expected.file, expected.function]
    conventions = {name: getattr(report.conventions, name) for name in CONVENTIONS}
    assert (report.verdict, conventions) == (expected.verdict, expected.conventions), report
    assert expected.codes <= set(report.codes), report


def test_a_kind_has_a_folder() -> None:
    modules = {path.stem for path in Path(kinds.__file__).parent.glob("[a-z]*.py")}
    assert {file.partition("/")[0] for file in FILES} == modules


@pytest.mark.parametrize(
    "line",
    ["import numpy", "# softmax", "# softmax: right", "# f: correct, sum mean", "# f: correct; g", "# f: wrong,"],
)
def test_a_first_line_without_a_meaning_is_refused(line: str) -> None:
    with pytest.raises(AssertionError, match=r"^a\.py: "):
        read_expected("a.py", line)


def test_the_gallery_has_every_verdict_code_and_kind(reports: dict[tuple[str, str], FunctionReport]) -> None:
    assert {expected.verdict for expected in EXPECTED} == set(VERDICTS)
    expected_codes = {code for expected in EXPECTED for code in expected.codes}
    assert expected_codes >= CODES
    assert {report.kind for report in reports.values()} == set(KINDS)
    assert len(EXPECTED) >= 150


def test_errors_are_what_makes_a_verdict(reports: dict[tuple[str, str], FunctionReport]) -> None:
    """A correct function has no finding of the severity "error"; any other has one at least."""
    for name, report in reports.items():
        severities = {finding.severity for finding in report.findings}
        assert ("error" in severities) == (report.verdict != "correct"), (name, report)


def test_findings_bring_evidence(reports: dict[tuple[str, str], FunctionReport]) -> None:
    told = [f for report in reports.values() for f in report.findings if f.code == "repeats-overwritten"]
    assert told
    for finding in told:
        assert {"inputs", "expected", "got"} <= set(finding.details["evidence"])


def test_scores_where_it_stops_being_finite(reports: dict[tuple[str, str], FunctionReport]) -> None:
    """log(1 - s(x)) dies where s(x) rounds to one, at 37; exp(x) overflows at 710; log of an underflow at 746."""

    def score(file: str, function: str) -> int:
        report = reports[file, function]
        return next(int(f.details["score"]) for f in report.findings if f.code == "not-finite")

    assert score("negative_sampling/course.py", "negSamplingCostAndGradient") == 37
    assert score("softmax_cost/overflow.py", "softmaxCostAndGradient") == 710
    largest = score("elementwise/softmax_unstable.py", "softmax")
    assert largest in (709, 710)  # the largest of the row is the score plus one
    assert score("softmax_cost/vectorised.py", "softmaxCostAndGradient") == 746
    assert score("elementwise/sigmoid_overflow.py", "sigmoid") == 710
