"""``plan.html``: one file that needs nothing, says everything the plan says, and lets nothing in."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from agent_dispatcher.errors import UsageError
from agent_dispatcher.models import (
    Dependency,
    Dropped,
    Exclusion,
    ExecutionPlan,
    Gate,
    Reason,
    Requirement,
    Specification,
    Task,
)
from agent_dispatcher.planning.planner import assemble
from agent_dispatcher.testing.samples import HOSTILE
from agent_dispatcher_builtins.reporters.html import rendering
from agent_dispatcher_builtins.reporters.html.plan_page import make_plan_page
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter

SEEN = Reason(
    rule="artifacts", kind="data", confidence=0.9, evidence="reads src/x.py, which T1 writes", source="t.md:5"
)


def small_plan() -> ExecutionPlan:
    """Two groups, a gate, an exclusion, something left out, a requirement nobody serves."""
    tasks = (
        Task(id="model-1", source_id="T1", title="Write the model", group="Core", requirements=("R1",), estimate_s=40),
        Task(id="test-1", source_id="T2", title="Test the model", type="testing", group="Core", verifies=("model-1",)),
        Task(id="site-1", source_id="T3", title="Write the site", group="Web", source="t.md:5"),
        Task(id="docs-1", source_id="T4", title="Describe it", type="documentation", group="Web"),
    )
    return assemble(
        Specification(
            id="s",
            title="Shop",
            requirements=(Requirement(id="R1", text="It sells."), Requirement(id="R2", text="It counts.")),
        ),
        tasks,
        [
            Dependency(before="model-1", after="site-1", reasons=(SEEN,)),
            Dependency(before="site-1", after="docs-1", strength="advisory", reasons=(SEEN,)),
        ],
        exclusions=[Exclusion(tasks=("docs-1", "site-1"), resource="path:index.md")],
        dropped=[Dropped(before="docs-1", after="model-1", kind="veto", why="docs are last (rule phases)")],
        warnings=("t.md:9: odd",),
    )


class Reader(HTMLParser):
    """Collects what tests look at."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.attributes: set[str] = set()
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("href", "src", "action"):
                self.targets.append(str(value))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: str) -> Reader:
    found = Reader()
    found.feed(page)
    found.close()
    return found


def geometry(page: str) -> Any:
    """What the script reads."""
    block = re.search(r'<script type="application/json" id="geometry">(.*?)</script>', page, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


def rendered(plan: ExecutionPlan) -> str:
    return HtmlReporter().render_plan(plan)


def test_every_edge_is_explained_with_its_evidence() -> None:
    """Rule, kind, confidence, evidence, place, and what it costs; gates, advisory orders and what was left out as well."""
    text = " ".join(read(rendered(small_plan())).text.split())
    assert "waits for T1 Write the model (confidence 0.90" in text
    assert "artifacts (data, 0.90) reads src/x.py, which T1 writes t.md:5" in text
    assert "without it everything is done 60 s sooner" in text
    assert "lands after its test T2 Test the model" in text
    assert "rather comes after T3 Write the site (confidence 0.90)" in text
    assert "behind T4 Describe it (vetoed: docs are last (rule phases))" in text
    assert "T3 (path:index.md)" in text
    assert "t.md:9: odd" in text
    assert "R2It counts.no task names it" in re.sub(r"\s*(?=R2|It counts|no task)", "", text)


def test_the_page_needs_nothing_and_allows_nothing() -> None:
    """No address in it leads out; the policy allows its own style and script by hash, and the hashes are right."""
    page = rendered(small_plan())
    found = read(page)
    assert all(target.startswith("#") for target in found.targets), found.targets
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    assert (rules["default-src"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'none'")
    for name, tag in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[name] == f"'sha256-{digest}'"
    assert not {name for name in found.attributes if name.startswith("on") or name == "style"}


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    """Every task that is spoken of can be gone to."""
    found = read(rendered(small_plan()))
    assert len(found.ids) == len(set(found.ids))
    assert {target[1:] for target in found.targets} <= set(found.ids)


def test_the_geometry_fits_the_drawing() -> None:
    """The script finds an element for every number it is given."""
    page = rendered(small_plan())
    data, ids = geometry(page), set(read(page).ids)
    assert {f"b{n}" for n in range(len(data["nodes"]))} | {f"t{n}" for n in range(len(data["nodes"]))} <= ids
    assert {f"c{n}" for n in range(len(data["cells"]))} | {f"g{n}" for n in range(len(data["edges"]))} <= ids
    assert {f"e{n}" for n in range(len(data["edges"]))} <= ids
    assert {f"{letter}{lane}" for lane, _, _ in data["lanes"] for letter in "lhs"} <= ids
    assert len(data["edges"]) == 3
    assert not data["folded"]


def test_a_title_stays_text() -> None:
    """Wherever a task, a group, a rule or a warning puts markup, it is shown and not run."""
    payload = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
    reason = Reason(rule="r<b>", evidence=payload, source=f"{payload}:3")
    plan = assemble(
        Specification(id="s", title=payload, requirements=(Requirement(id=payload, text=HOSTILE),)),
        (
            Task(id="a", title=payload, group=payload, description=HOSTILE, requirements=(payload,), source=payload),
            Task(id="b", title=HOSTILE, group=HOSTILE, type="own<i>"),
        ),
        [Dependency(before="a", after="b", reasons=(reason,))],
        exclusions=[Exclusion(tasks=("a", "b"), resource=payload)],
        dropped=[Dropped(before="b", after="a", kind="veto", why=payload, reasons=(reason,))],
        warnings=(payload, HOSTILE),
    )
    page = rendered(plan)
    tags = read(page).tags
    assert (tags.count("script"), tags.count("img"), tags.count("b") > 0, tags.count("i")) == (2, 0, True, 0)
    assert "\x1b" not in page
    assert "\u202e" not in page


def test_nothing_ends_the_data_block() -> None:
    """What the script reads is JSON that holds no character with a meaning in HTML, whatever is put into it."""
    text = rendering._data({"kind": "</script><!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"kind": "</script><!--&"}


def test_the_critical_path_is_marked_and_listed() -> None:
    """In the drawing, edges included, and as a list."""
    page = make_plan_page(small_plan())
    assert [name.text for name in page.critical] == ["T2 Test the model", "T3 Write the site"]
    assert [box.critical for box in page.boxes] == [False, True, True, False]
    chain = make_plan_page(
        assemble(
            Specification(id="s", title="S"),
            (Task(id="a", title="a"), Task(id="b", title="b")),
            [Dependency(before="a", after="b")],
        )
    )
    assert [(curve.before, curve.after, curve.critical) for curve in chain.curves] == [(0, 1, True)]


def test_a_large_plan_opens_folded() -> None:
    """With more tasks than a screen takes in, groups are what is seen first."""
    tasks = tuple(Task(id=f"t{n}", title=f"Task {n}", group=f"Part {n % 7}") for n in range(150))
    edges = [Dependency(before=f"t{n - 30}", after=f"t{n}") for n in range(30, 150)]
    page = rendered(assemble(Specification(id="s", title="S"), tasks, edges))
    assert geometry(page)["folded"]
    assert len(geometry(page)["cells"]) == 7 * 5


def test_more_tasks_than_a_browser_bears_are_refused() -> None:
    """With what to do instead, rather than a page that nobody can use."""
    tasks = tuple(Task(id=f"t{n}", title="x") for n in range(3001))
    with pytest.raises(UsageError, match=r"3,000 tasks, this plan has 3,001: write plan\.json"):
        rendered(ExecutionPlan(specification=Specification(id="s", title="S"), tasks=tasks))


def test_a_plan_without_tasks_is_a_page() -> None:
    """Nothing to show is no error."""
    assert "<h1>S</h1>" in rendered(ExecutionPlan(specification=Specification(id="s", title="S"), tasks=()))


def test_a_gate_is_drawn_between_boxes_of_one_phase() -> None:
    """A test and its subject stand in the same column; the curve goes around."""
    page = make_plan_page(small_plan())
    (gate,) = [curve for curve in page.curves if curve.kind == "gate"]
    assert small_plan().gates == (Gate(test="test-1", subject="model-1"),)
    assert page.boxes[gate.before].x == page.boxes[gate.after].x
    assert gate.path.startswith(f"M{page.boxes[gate.before].x + 188} ")
