"""Writes the cases as XML that CI systems read."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from agent_dispatcher import ExecutionPlan, ExecutionResult
from agent_dispatcher.models import Event

from .cases import Case, checks, requirements, tasks

__all__ = ["JunitReporter"]

#: What XML 1.0 cannot hold at all, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JunitReporter:
    """Writes ``junit.xml`` with the suites ``requirements``, ``tasks`` and ``checks``."""

    def write(
        self, result: ExecutionResult, plan: ExecutionPlan, events: Sequence[Event], folder: Path
    ) -> Sequence[Path]:
        """One file; the same run gives the same bytes."""
        suites = {
            "requirements": list(requirements(result)),
            "tasks": list(tasks(result, plan, events)),
            "checks": list(checks(result)),
        }
        root = ET.Element("testsuites", _counts([case for cases in suites.values() for case in cases]))
        root.set("name", _text(f"{result.specification.title}: {result.status}"))
        began = datetime.fromtimestamp(events[0].at, UTC).isoformat(timespec="seconds") if events else ""
        for name, cases in suites.items():
            root.append(_suite(name, cases, result, began))
        ET.indent(root)
        file = folder / "junit.xml"
        file.write_bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
        return [file]


def _suite(name: str, cases: Sequence[Case], result: ExecutionResult, began: str) -> ET.Element:
    suite = ET.Element("testsuite", {"name": name, **_counts(cases)})
    if began:
        suite.set("timestamp", began)
    properties = ET.SubElement(suite, "properties")
    for key in ("run", "status", "branch", "commit"):
        ET.SubElement(properties, "property", {"name": key, "value": _text(getattr(result, key))})
    for case in cases:
        element = ET.SubElement(
            suite, "testcase", {"classname": name, "name": _text(case.name), "time": f"{case.time_s:.3f}"}
        )
        if case.outcome != "passed":
            reason = ET.SubElement(element, case.outcome, {"message": _text(case.message)})
            if case.outcome == "failure":
                reason.text = _text("\n".join((case.message, *case.output)))
        if case.output:
            ET.SubElement(element, "system-out").text = _text("\n".join(case.output))
    return suite


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == "failure" for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.outcome == "skipped" for case in cases)),
        "time": f"{sum(case.time_s for case in cases):.3f}",
    }


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
