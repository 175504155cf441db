"""Reading JUnit XML and coverage JSON that a sandbox wrote: untrusted, size-capped, no entities."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from math import isfinite

from attrs import frozen

__all__ = ["Case", "Results", "coverage_by_file", "coverage_percent", "parse_junit"]

_MAX_MESSAGE = 4096
_TOO_DEEP = "nested too deeply"

#: Files of which coverage is kept.
_MOST_FILES = 1000
_COVERED = ("covered_lines", "covered_branches", "num_statements", "num_branches")


@frozen(kw_only=True)
class Case:
    """One test.

    Attributes:
        name: ``file::test``, or the file that could not be collected.
        outcome: ``passed``, ``failed``, ``error`` or ``skipped``.
        message: why, at most 4 kB; the exception with its text.
        text: all that was said about it.
        seconds: how long it took, with what it needed set up.
    """

    name: str
    outcome: str
    message: str = ""
    text: str = ""
    seconds: float = 0.0


@frozen(kw_only=True)
class Results:
    """What ran, in the order of the file."""

    cases: tuple[Case, ...]

    def count(self, outcome: str) -> int:
        """How many cases ended like this."""
        return sum(case.outcome == outcome for case in self.cases)

    def red(self) -> tuple[Case, ...]:
        """The cases that failed or could not run."""
        return tuple(case for case in self.cases if case.outcome in ("failed", "error"))


def parse_junit(data: bytes) -> Results:
    """The results in a JUnit file.

    Raises:
        ValueError: it is not one, or holds what such a file has no need of (a document type, entities).
    """
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError("it holds a document type, which test results have no need of")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError) as error:
        raise ValueError(f"it is not XML: {error}") from None
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if root.tag not in ("testsuites", "testsuite"):
        raise ValueError(f"its root is <{root.tag[:40]}>")
    return Results(cases=tuple(_case(element) for element in root.iter("testcase")))


def _case(element: ET.Element) -> Case:
    name = _name(element)
    for tag, outcome in (("error", "error"), ("failure", "failed"), ("skipped", "skipped")):
        child = element.find(tag)
        if child is not None:
            text = child.text or ""
            message = child.get("message") or ""
            if message == "collection failure":
                message = _last_said(text) or message
                name = element.get("file") or name
            seconds = _seconds(element)
            return Case(name=name, outcome=outcome, message=message[:_MAX_MESSAGE], text=text, seconds=seconds)
    return Case(name=name, outcome="passed", seconds=_seconds(element))


def _seconds(element: ET.Element) -> float:
    """What it says it took; 0 where that is no time."""
    try:
        seconds = float(element.get("time", "0"))
    except ValueError:
        return 0.0
    return seconds if isfinite(seconds) and seconds > 0 else 0.0


def _name(element: ET.Element) -> str:
    test = element.get("name", "")
    parts = (element.get("classname") or "").split(".")
    file = element.get("file")
    if file:
        inside = [part for part in parts if part[:1].isupper()]
        return "::".join([file, *inside, test])
    return ".".join(part for part in (*parts, test) if part)


def _last_said(text: str) -> str:
    """The exception of a collection that failed: pytest marks its lines with an ``E``."""
    marked = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
    if marked:
        return marked[-1] if not marked[-1].startswith("^") else " ".join(marked)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def coverage_percent(data: bytes | None) -> float | None:
    """Lines and branches covered, in percent, from ``coverage json``; ``None`` where the file says nothing of the kind."""
    if data is None:
        return None
    try:
        percent = json.loads(data)["totals"]["percent_covered"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        return None
    return round(float(percent), 1)


def coverage_by_file(data: bytes | None) -> dict[str, tuple[int, int]]:
    """Path to lines and branches that were covered, and that there are, from ``coverage json``; without files of which it does not say that."""
    try:
        files = json.loads(data)["files"] if data is not None else {}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    found = {}
    for path, file in list(files.items())[:_MOST_FILES] if isinstance(files, dict) else ():
        said = file.get("summary") if isinstance(file, dict) else None
        numbers = [said.get(name, 0) for name in _COVERED] if isinstance(said, dict) else []
        if numbers and all(type(number) is int and number >= 0 for number in numbers):
            found[path] = (numbers[0] + numbers[1], numbers[2] + numbers[3])
    return {path: pair for path, pair in found.items() if pair[1] > 0 and pair[0] <= pair[1]}
