"""Every implementation of the gallery, right and wrong, gets the verdict and the findings that are expected."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from firth.checking import KINDS, FunctionReport, Limits, check_paths

GALLERY = Path(__file__).parent / "gallery"

with (GALLERY / "expected.csv").open(encoding="utf-8") as table:
    EXPECTED = list(csv.DictReader(table))

# What the issue names: each must be seen in the gallery, or the test of it could not fail.
CODES = set(
    """
    target-always-negative draws-dropped repeats-overwritten reduction-mismatch reduction-other cost-shape
    gradient-shape not-finite inaccurate soft-labels sign scaled transposed product-of-sums softmax-jacobian
    block-wrong input-modified
    """.split()  # noqa: SIM905
)
VERDICTS = ("correct", "wrong-objective", "wrong-gradient", "wrong", "broken")


@pytest.fixture(scope="module")
def reports() -> dict[tuple[str, str], FunctionReport]:
    found = {}
    for report in check_paths([GALLERY], limits=Limits(time_s=20)):
        assert report.error is None, report
        for function in report.functions:
            found[Path(report.file).name, function.name] = function
    return found


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['file'].removesuffix('.py')}:{row['function']}")
def test_verdict(row: dict[str, str], reports: dict[tuple[str, str], FunctionReport]) -> None:
    report = reports[row["file"], row["function"]]
    conventions = report.conventions
    got = (report.verdict, conventions.target, conventions.reduction, conventions.repeats)
    assert got == (row["verdict"], row["target"] or None, row["reduction"] or None, row["repeats"] or None), report
    assert set(row["codes"].split()) <= set(report.codes), report


def test_every_file_of_the_gallery_is_expected() -> None:
    assert {path.name for path in GALLERY.glob("*.py")} == {row["file"] for row in EXPECTED}


def test_the_gallery_has_every_verdict_code_and_kind(reports: dict[tuple[str, str], FunctionReport]) -> None:
    assert {row["verdict"] for row in EXPECTED} == set(VERDICTS)
    expected_codes = {code for row in EXPECTED for code in row["codes"].split()}
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

    assert score("neg_sampling_course.py", "negSamplingCostAndGradient") == 37
    assert score("softmax_cost_overflow.py", "softmaxCostAndGradient") == 710
    assert score("softmax_unstable.py", "softmax") in (709, 710)  # the largest of the row is the score plus one
    assert score("softmax_cost_vectorised.py", "softmaxCostAndGradient") == 746
    assert score("sigmoid_overflow.py", "sigmoid") == 710
