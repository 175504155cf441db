"""Of several formats the one that knows a source best reads it; nobody guesses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.models import Specification
from agent_dispatcher.planning.sources import load_mapping, load_path


@frozen
class FileFormat:
    """Takes only files."""

    name: str
    score: float

    def matches(self, source: Path) -> float:
        return self.score

    def load(self, source: Path) -> Specification:
        return Specification(id=self.name, title=self.name)


@frozen
class DictFormat(FileFormat):
    """Takes dicts too."""

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        return self.score if self.name in document else 0.0

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        return Specification(id=self.name, title=self.name)


def named(*formats: Any) -> list[tuple[str, Any]]:
    return [(format.name, format) for format in formats]


def test_the_surest_reads_a_path(tmp_path: Path) -> None:
    """The highest score wins, whatever the order."""
    formats = named(FileFormat("a", 1.0), FileFormat("b", 2.0), FileFormat("c", 0.0))
    assert load_path(tmp_path, formats).id == "b"
    assert load_path(tmp_path, formats[::-1]).id == "b"


def test_a_tie_an_unknown_source_and_a_missing_one_are_told(tmp_path: Path) -> None:
    """Two that know it equally well are named; so is what was tried; a path that is not there is wrong usage."""
    with pytest.raises(SpecificationError, match="formats a and b know it equally well"):
        load_path(tmp_path, named(FileFormat("b", 1.0), FileFormat("a", 1.0)))
    with pytest.raises(SpecificationError, match="formats tried: a"):
        load_path(tmp_path, named(FileFormat("a", 0.0)))
    with pytest.raises(UsageError):
        load_path(tmp_path / "none", named(FileFormat("a", 1.0)))


def test_the_surest_of_those_that_take_a_dict_reads_it() -> None:
    """A format that only reads files is not asked."""
    formats = named(FileFormat("a", 2.0), DictFormat("b", 1.0), DictFormat("c", 1.5))
    assert load_mapping({"b": 1}, formats).id == "b"
    assert load_mapping({"b": 1, "c": 1}, formats).id == "c"


def test_a_dict_that_nobody_or_everybody_knows_is_told() -> None:
    """Nothing is guessed: the formats that were tried, or that tie, are named."""
    with pytest.raises(SpecificationError, match="formats tried: b"):
        load_mapping({}, named(FileFormat("a", 2.0), DictFormat("b", 1.0)))
    with pytest.raises(SpecificationError, match="formats b and c know this dict equally well"):
        load_mapping({"b": 1, "c": 1}, named(DictFormat("c", 1.0), DictFormat("b", 1.0)))
    with pytest.raises(SpecificationError, match="none, since no plugin"):
        load_mapping({}, named(FileFormat("a", 2.0)))
