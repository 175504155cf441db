"""The one format that knows a source best reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import frozen

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.models import Specification
from agent_dispatcher.planning.sources import load_path


@frozen
class Format:
    """A format that is as sure as it is told to be."""

    title: str
    score: float

    def matches(self, source: Path) -> float:
        if self.score < 0:
            raise ValueError("broken")
        return self.score

    def load(self, source: Path) -> Specification:
        return Specification(id=self.title, title=self.title)


def test_the_surest_format_reads_it(tmp_path: Path) -> None:
    """Of several that know the source, the surest one loads it."""
    formats = [("a", Format("a", 0.5)), ("b", Format("b", 1.5)), ("c", Format("c", 0.0))]
    assert load_path(tmp_path, formats).title == "b"


def test_a_tie_names_both(tmp_path: Path) -> None:
    """Two that are equally sure are an error that names both and says how to choose."""
    with pytest.raises(SpecificationError, match=r"a and b.*specification_formats"):
        load_path(tmp_path, [("b", Format("b", 1.0)), ("a", Format("a", 1.0))])


def test_a_format_that_raises_keeps_no_other_from_reading(tmp_path: Path) -> None:
    """A format that fails when it is asked is passed over."""
    assert load_path(tmp_path, [("a", Format("a", -1.0)), ("b", Format("b", 0.1))]).title == "b"
    with pytest.raises(SpecificationError, match=r"no specification.*formats tried: a"):
        load_path(tmp_path, [("a", Format("a", -1.0))])


def test_nothing_there_is_wrong_usage(tmp_path: Path) -> None:
    """A source that does not exist is no matter of formats."""
    with pytest.raises(UsageError, match="no such file"):
        load_path(tmp_path / "nowhere", [("a", Format("a", 1.0))])
