"""The suite for languages finds planted faults."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from agent_dispatcher.extension import Environment, Layout
from agent_dispatcher.extension.components import Language
from agent_dispatcher.models import ArtifactRef, Specification
from agent_dispatcher.testing import LanguageContract, SourceSample

Broken = Callable[..., dict[str, str]]

_TESTS = """
import pathlib, sys
red = any("bad" in pathlib.Path(path).read_text() for path in sys.argv[3:] or ["t.test"])
pathlib.Path(sys.argv[1]).write_text("<testsuites><testsuite><testcase name='t'>" + "<failure/>" * red + "</testcase></testsuite></testsuites>")
if sys.argv[2]: pathlib.Path(sys.argv[2]).write_text("{}")
sys.exit(red)
"""
_COMPILE = "import sys; bad = [p for p in sys.argv[1:] if '(' in open(p).read()]; print(bad); sys.exit(bool(bad))"


class Words:
    """Every line of a ``.words`` file defines a symbol: what the faulty ones are made from."""

    name = "words"

    def layout(self, specification: Specification) -> Layout | None:
        return None

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", _COMPILE, *paths)

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return (sys.executable, "-I", "-S", "-c", _TESTS, results, coverage or "", *paths)

    def is_test(self, path: str) -> bool:
        return path.endswith(".test")

    def is_source(self, path: str) -> bool:
        return path.endswith(".words")

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        known = {line for file in tree.glob("*.words") for line in file.read_text().splitlines()}
        return tuple(ref.name for ref in promised if ref.type == "symbol" and ref.name not in known)

    async def environment(self, tree: Path) -> Environment:
        return Environment(digest="1")


class AllMissing(Words):
    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        return tuple(ref.name for ref in promised)


class TestsAreSources(Words):
    __test__ = False

    def is_test(self, path: str) -> bool:
        return True


class CompilesAnything(Words):
    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return ("true",)


class LeavesObjects(Words):
    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        return (*super().compile_command(paths)[:4], _COMPILE.replace(";", "; open('a.o', 'w');", 1), *paths)


class AlwaysGreen(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        command = super().test_command(paths, results=results, coverage=coverage)
        return (*command[:4], command[4].replace("sys.exit(red)", "sys.exit(0)"), *command[5:])


class NoResults(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return super().test_command(paths, results=results + ".old", coverage=coverage)


class NoCoverage(Words):
    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        return super().test_command(paths, results=results)


class RunsFiles(Words):
    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        for file in tree.glob("*.words"):
            if "touch" in file.read_text():
                (tree / "touched").write_text("")
        return super().missing_symbols(tree, promised)


class EnvironmentsDiffer(Words):
    async def environment(self, tree: Path) -> Environment:
        return Environment(digest=str(time.monotonic()))


class LanguageSuite(LanguageContract):
    component: ClassVar[type[Words]] = Words

    def make_language(self) -> Language:
        return self.component()

    def sample(self) -> SourceSample:
        return SourceSample(
            path="a.words",
            text="one\n",
            malformed="one (\n",
            symbol="one",
            absent="two",
            test_path="t.test",
            passing="good",
            failing="bad",
            with_side_effect="one\ntouch\n",
        )


@pytest.mark.parametrize(
    ("language", "promise"),
    [
        (AllMissing, "test_missing_symbols_are_named"),
        (TestsAreSources, "test_sources_and_tests_are_told_by_name"),
        (CompilesAnything, "test_the_compiler_tells_good_from_bad"),
        (LeavesObjects, "test_the_compiler_tells_good_from_bad"),
        (AlwaysGreen, "test_the_test_command_tells_good_from_bad"),
        (NoResults, "test_the_test_command_tells_good_from_bad"),
        (NoCoverage, "test_coverage_is_written_when_wanted"),
        (RunsFiles, "test_files_are_read_and_never_run"),
        (EnvironmentsDiffer, "test_the_environment_is_named"),
    ],
)
def test_faults_of_languages_are_found(broken_promises: Broken, language: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (LanguageSuite,), {"component": language}), promise)


def test_a_sound_language_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(LanguageSuite) == {}
