"""The suite for specification formats finds planted faults."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import evolve

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.extension.components import SpecificationFormat
from agent_dispatcher.models import Specification, Task
from agent_dispatcher.testing import SpecificationFormatContract

_LINE = re.compile(r"([ x]) (\w+): (.+)")
SAMPLE = "todo list\n  a: Write it\nx b: Plan it\n  c: Test it\n"


class TodoFormat:
    """A list with a title line ``todo list`` and one task a line: what the faulty ones are made from."""

    def matches(self, source: Path) -> float:
        if not source.is_file():
            return 0.0
        with source.open("rb") as opened:
            return 2.0 if opened.read(9) == b"todo list" else 0.0

    def load(self, source: Path) -> Specification:
        try:
            text = self.text(source)
        except ValueError as error:
            raise SpecificationError(Problem("this is no text", source.name)) from error
        lines, tasks = text.splitlines(), []
        for number, line in enumerate(lines[1:], 2):
            found = _LINE.fullmatch(line)
            if found is None or found[2] in {task.id for task in tasks}:
                raise SpecificationError(Problem(f"this is no task: {line[:50]!r}", f"{source.name}:{number}"))
            tasks.append(self.task(found, f"{source.name}:{number}"))
        if not tasks:
            raise SpecificationError(Problem("nothing is to be done", f"{source.name}:1"))
        digest = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
        return Specification(
            id="todo", title="todo", format="todo", path=str(source), digest=digest, tasks=tuple(tasks)
        )

    def text(self, source: Path) -> str:
        return source.read_bytes().decode()

    def task(self, found: re.Match[str], place: str) -> Task:
        status = "completed" if found[1] == "x" else "pending"
        return Task(id=found[2], title=found[3], status=status, source=place)

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        lines = source.read_bytes().decode().splitlines(keepends=True)
        for at, line in enumerate(lines):
            found = _LINE.match(line)
            if found is not None and found[2] in statuses:
                lines[at] = ("x" if statuses[found[2]] == "completed" else " ") + line[1:]
        source.write_bytes("".join(lines).encode())


class ClaimsAll(TodoFormat):
    def matches(self, source: Path) -> float:
        return 1.0


class ParsesToMatch(TodoFormat):
    def matches(self, source: Path) -> float:
        try:
            self.load(source)
        except (SpecificationError, OSError):
            return 0.0
        return 2.0


class ReadsAllToMatch(TodoFormat):
    def matches(self, source: Path) -> float:
        return 2.0 if source.is_file() and source.read_bytes()[::-1].endswith(b"tsil odot") else 0.0


class RaisesWhatItLikes(TodoFormat):
    def text(self, source: Path) -> str:
        try:
            return super().text(source)
        except ValueError as error:
            raise KeyError("text") from error


class NoPlaces(TodoFormat):
    def task(self, found: re.Match[str], place: str) -> Task:
        return evolve(super().task(found, place), source="")


class WrongPlaces(TodoFormat):
    def task(self, found: re.Match[str], place: str) -> Task:
        return evolve(super().task(found, place), source=place + "00")


class PlacelessErrors(TodoFormat):
    def load(self, source: Path) -> Specification:
        try:
            return super().load(source)
        except SpecificationError as error:
            raise SpecificationError("something is wrong") from error


class NormalisesLineEnds(TodoFormat):
    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        super().write_status(source, statuses)
        source.write_bytes(source.read_bytes().replace(b"\r\n", b"\n"))


class NeverUnticks(TodoFormat):
    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        super().write_status(source, {name: status for name, status in statuses.items() if status == "completed"})


class AppendsUnknown(TodoFormat):
    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        super().write_status(source, statuses)
        with source.open("a") as out:
            out.writelines(f"x {name}: new\n" for name in statuses if name not in source.read_text())


class EmptyDigest(TodoFormat):
    def load(self, source: Path) -> Specification:
        return evolve(super().load(source), digest="")


class Suite(SpecificationFormatContract):
    component: ClassVar[type[TodoFormat]] = TodoFormat

    def make_format(self) -> SpecificationFormat:
        return self.component()

    def write_sample(self, folder: Path) -> Path:
        (folder / "list.todo").write_text(SAMPLE)
        return folder / "list.todo"


@pytest.mark.parametrize(
    ("format_", "promise"),
    [
        (ClaimsAll, "test_foreign_sources_are_not_claimed"),
        (ParsesToMatch, "test_a_damaged_source_is_still_recognised"),
        (ReadsAllToMatch, "test_recognising_is_bounded"),
        (RaisesWhatItLikes, "test_damaged_sources_are_refused_in_its_own_words"),
        (NoPlaces, "test_everything_says_its_place"),
        (WrongPlaces, "test_everything_says_its_place"),
        (PlacelessErrors, "test_a_refusal_says_places"),
        (NormalisesLineEnds, "test_statuses_are_written_and_read_back"),
        (NeverUnticks, "test_statuses_are_written_and_read_back"),
        (AppendsUnknown, "test_unknown_tasks_are_not_written"),
        (EmptyDigest, "test_the_sample_is_read"),
    ],
)
def test_faults_are_found(broken_promises: Callable[..., dict[str, str]], format_: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    found = broken_promises(type("Faulty", (Suite,), {"component": format_}), promise)
    assert "The contract asks: " in found[promise]


def test_a_sound_format_passes(broken_promises: Callable[..., dict[str, str]]) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(Suite) == {}
