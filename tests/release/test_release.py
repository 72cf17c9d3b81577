"""What a release needs besides its wheels: the tag's check, the oldest dependencies, the workflows, the citation."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import firth

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "release" / name))


def test_the_tag_is_the_version_and_the_changelog_has_it() -> None:
    faults_of_tag = script("check_tag.py")["faults_of_tag"]
    assert faults_of_tag("v0.2.0", "0.2.0", "# Changes\n\n## [0.2.0]: 2026-12-01\n") == []
    wrong_tag, no_heading = faults_of_tag("0.2.0", "0.2.0", "## [0.2.0a]\n")
    assert wrong_tag == "the tag must be v0.2.0, the version in src/firth/_version.py, got 0.2.0"
    assert no_heading == "CHANGELOG.md must have a heading `## [0.2.0]`, got none"
    assert script("check_tag.py")["read_version"]() == firth.__version__


def test_the_oldest_dependencies() -> None:
    oldest_versions = script("lower_bounds.py")["oldest_versions"]
    versions = oldest_versions((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "numpy==1.24" in versions
    assert "typer==0.24" in versions
    assert {"scikit-learn==1.6", "matplotlib==3.7", "POT==0.9.1"} <= set(versions)
    for text in ('dependencies = ["numpy"]\n', 'dependencies = ["numpy~=1.24"]\n'):
        with pytest.raises(SystemExit, match="must be written as name>=version"):
            oldest_versions(text)


def test_the_text_of_a_trial() -> None:
    make_text = script("try_wheel.py")["make_text"]
    text = make_text(20_000)
    assert 20_000 <= len(text) < 21_000
    assert text == make_text(20_000)
    assert "word7x0" in make_text(1_000_000)  # the word that the trial asks for


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_name_targets_and_files_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in re.findall(r"\bmake ([^`\n]+)", text):
        for target in [word for word in line.split() if "=" not in word]:
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"make {target}"
    for file in re.findall(r"\brelease/\w+\.py", text):
        assert (ROOT / file).exists()
    assert re.search(r"^permissions: \{\}$", text, re.MULTILINE), "each job names what it may do"


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "CITATION.cff"], ids=lambda path: path.name)
def test_yaml_is_read(path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


def test_every_supported_python_is_tested() -> None:
    tests = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    oldest = re.search(r'^requires-python = ">=(3\.\d+)"$', project, re.MULTILINE)
    assert oldest is not None
    versions = re.search(r"^        python: \[(.*)\]", tests, re.MULTILINE)
    assert versions is not None
    assert re.findall(r'"([^"]+)"', versions[1]) == [oldest[1], "3.11", "3.12", "3.13", "3.14", "3.14t"]
    assert f'target-version = "py{oldest[1].replace(".", "")}"' in project


def test_only_the_publishing_job_may_prove_who_it_is() -> None:
    with_token = [path.name for path in WORKFLOWS if "id-token" in path.read_text(encoding="utf-8")]
    assert with_token == ["release.yml"]
    assert (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8").count("id-token: write") == 1


def test_the_citation_has_the_version() -> None:
    assert f"\nversion: {firth.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
