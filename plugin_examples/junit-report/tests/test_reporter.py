"""The reporter keeps its contract, and CI systems count what it counts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from agent_dispatcher import Requirement, Specification, Task
from agent_dispatcher.testing import ReporterContract, dispatcher

from junit_report import JunitReporter


class TestJunit(ReporterContract):
    """The reporter, on good, failed, hostile and large runs."""

    def make_reporter(self) -> JunitReporter:
        return JunitReporter()


def reported(tmp_path: Path, *, second_fails: bool) -> ET.Element:
    """The report of a real run of three tasks, in which the third waits for the second."""

    def work(task: Task, context: object) -> dict[str, str]:
        if task.id == "two" and second_fails:
            raise RuntimeError("no ink \x07 left")
        return {f"{task.id}.txt": task.title}

    specification = Specification(
        id="s",
        title="S",
        requirements=(Requirement(id="R1", text="It is written"),),
        tasks=tuple(
            Task(id=name, source_id=name.upper(), title=f"Write {name}", group="Page", requirements=("R1",))
            for name in ("one", "two")
        ),
    )
    made = dispatcher([work], reporters=[JunitReporter], config={"coordinator": {"max_attempts": 1}})
    result = made.dispatch(specification, output=tmp_path / "out")
    return ET.parse(tmp_path / "out" / ".dispatcher" / "runs" / result.run / "junit.xml").getroot()


@pytest.mark.parametrize("second_fails", [False, True])
def test_a_real_run_is_reported(tmp_path: Path, second_fails: bool) -> None:
    """Tasks are cases under their own ids; a failed one fails with its reason and so does its requirement; one that nobody proved is skipped."""
    root = reported(tmp_path, second_fails=second_fails)
    assert [suite.get("name") for suite in root] == ["requirements", "tasks", "checks"]
    (requirement,) = root.findall("testsuite[@name='requirements']/testcase")
    assert requirement.get("name") == "R1: It is written"
    assert [child.tag for child in requirement] == ["failure" if second_fails else "skipped"]
    one, two = root.findall("testsuite[@name='tasks']/testcase")
    assert (one.get("name"), two.get("name")) == ("[Page] ONE: Write one", "[Page] TWO: Write two")
    assert one.find("failure") is None
    failure = two.find("failure")
    assert (failure is not None) is second_fails
    assert failure is None or "no ink \ufffd left" in failure.get("message", "")
    assert (root.get("tests"), root.get("failures"), root.get("skipped")) == (
        "3",
        "2" if second_fails else "0",
        "0" if second_fails else "1",
    )
