"""The page: outcome, proof, trouble, graph and timeline are there; it is small and forbids what it does not need."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from attrs import evolve

from agent_dispatcher_builtins.reporters.html.logs import Logs

VOID = {"meta", "input", "br", "link", "img"}


class Outline(HTMLParser):
    """Checks that tags are closed in order, and collects what matters."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.attributes: set[str] = set()
        self.tags: set[str] = set()
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        values = dict(attrs)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if "href" in values:
            self.hrefs.append(str(values["href"]))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def outline(page: str) -> Outline:
    found = Outline()
    found.feed(page)
    found.close()
    assert found.open == []
    return found


def test_the_outcome_comes_first(small_run: Any, tmp_path: Path) -> None:
    """Status, sentence and figures stand before everything else, and what to do next is a command."""
    page = small_run.write(tmp_path)
    places = [
        page.index(text) for text in ("Completed", "All 3 tasks are completed", "1 of 1", "cd /srv/it", "Lend books")
    ]
    assert places == sorted(places)


def test_a_requirement_leads_to_task_commit_and_check(small_run: Any, tmp_path: Path) -> None:
    """Its table names each task with a link, the commit that landed and the check that passed."""
    page = small_run.write(tmp_path)
    (row,) = re.findall(r'<tr><th scope="row"><a href="#task-1">Write the model</a></th>.*?</tr>', page, re.DOTALL)
    assert "dddddddddd" in row and "pytest" in row and "3 passed" in row and "✓" in row
    assert 'id="task-1"' in page


def test_a_rejected_attempt_is_told_with_its_message(small_run: Any, tmp_path: Path) -> None:
    """What was mended on the way is there in full, with when and how."""
    page = small_run.write(tmp_path)
    assert "1 task needed more than one attempt" in page
    assert "Attempt 1: rejected at 11 s" in page
    assert "pytest failed\nE assert 1 == 2" in page


def test_a_failed_run_says_what_went_wrong_before_the_requirements(large_run: Any, tmp_path: Path) -> None:
    """The failed task and its message stand between outcome and requirements."""
    page = large_run.write(tmp_path)
    assert page.index('id="outcome"') < page.index("RuntimeError: no") < page.index('id="requirements"')


def test_status_decides_what_to_do_next(small_run: Any, tmp_path: Path) -> None:
    """Each way to end has its own advice."""

    def advice(status: str | None, **facts: Any) -> str:
        first = evolve(small_run.events[0], data={**small_run.events[0].data, **facts})
        last = small_run.events[-1]
        events = [first, *small_run.events[1:-1]]
        if status is not None:
            events.append(evolve(last, data={**last.data, "status": status}))
        return str(evolve(small_run, events=tuple(events)).write(tmp_path))

    assert "git -C /srv/it merge dispatcher/r1" in advice("completed", new=False)
    assert "agent-dispatcher resume r1" in advice(None)
    failed = advice("failed")
    assert "agent-dispatcher run specs/library --output /srv/it" in failed and " merge " not in failed


def test_the_page_is_well_formed_and_every_link_leads_somewhere(small_run: Any, large_run: Any, tmp_path: Path) -> None:
    """Tags nest, ids are unique, headings skip no level, and each address is a place on the page."""
    unbroken = evolve(small_run, events=small_run.events[:-11])
    for name, run in (("small", small_run), ("unbroken", unbroken), ("large", large_run)):
        found = outline(run.write(tmp_path / name))
        assert len(found.ids) == len(set(found.ids))
        assert {href.removeprefix("#") for href in found.hrefs} <= set(found.ids)
        assert all(deeper - level <= 1 for level, deeper in zip(found.headings, found.headings[1:], strict=False))


def test_nothing_is_loaded_and_only_the_own_style_is_allowed(small_run: Any, hostile_run: Any, tmp_path: Path) -> None:
    """The policy is the strictest that shows the page: no script, no picture, one style sheet by its hash, no inline styles or handlers."""
    for name, run in (("small", small_run), ("hostile", hostile_run)):
        page = run.write(tmp_path / name)
        style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        assert policy.replace("'", "&#39;").replace("+", "&#43;") in page.replace("+", "&#43;")
        found = outline(page)
        assert not found.tags & {"script", "img", "iframe", "link", "object", "embed", "form", "base"}
        assert not {each for each in found.attributes if each.startswith("on")} | found.attributes & {"style", "src"}
        assert all(href.startswith(("#", "./")) for href in found.hrefs)


def test_hostile_text_stays_text(hostile_run: Any, tmp_path: Path) -> None:
    """No payload adds a tag, an attribute or an id; templates in texts are not evaluated; nothing is reordered unseen."""
    page = hostile_run.write(tmp_path)
    found = outline(page)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*(-\d+)?", each) for each in found.ids)
    assert "1337" not in page
    assert "&lt;script&gt;document.title" in page
    assert "\u202e" not in page and "⟨U+202E⟩" in page and "\x1b" not in page


def test_three_hundred_tasks_make_a_small_page(large_run: Any, tmp_path: Path) -> None:
    """Less than two megabytes, an overview by groups, and the whole graph folded."""
    page = large_run.write(tmp_path)
    assert len(page.encode()) < 2_000_000
    assert "Graph by groups" in page and "Every task (300)" in page
    assert page.index("Graph by groups") < page.index("Every task (300)")


def test_a_thousand_long_messages_do_not_make_an_endless_page(large_run: Any, tmp_path: Path) -> None:
    """What does not fit is left out, and the page says so."""
    events = tuple(
        evolve(event, data={**event.data, "feedback": f"{event.task} " + "x" * 60_000})
        if event.type == "attempt.rejected"
        else event
        for event in large_run.events
    )
    page = evolve(large_run, events=events).write(tmp_path)
    assert len(page.encode()) < 3_000_000
    assert "more characters are left out" in page


def test_only_logs_in_the_runs_folder_are_shown(tmp_path: Path) -> None:
    """A path that leads elsewhere, a link out of the folder and an address are no logs; names are quoted."""
    folder = tmp_path / "run"
    (folder / "evidence").mkdir(parents=True)
    (folder / "evidence" / "a b#.log").write_text("output")
    (tmp_path / "secret").write_text("secret")
    (folder / "out.log").symlink_to(tmp_path / "secret")
    logs = Logs(folder)
    assert (logs.link("evidence/a b#.log"), logs.tail("evidence/a b#.log")) == ("./evidence/a%20b%23.log", "output")
    for bad in ("../secret", str(tmp_path / "secret"), "out.log", "javascript:alert(1)", "evidence", "", "a\0b"):
        assert (logs.link(bad), logs.tail(bad)) == (None, "")


def test_a_run_without_anything_is_reported(small_run: Any, tmp_path: Path) -> None:
    """No tasks, no events, no requirements: still a page."""
    specification = evolve(small_run.plan.specification, requirements=())
    empty = evolve(small_run, plan=evolve(small_run.plan, specification=specification, tasks=(), dependencies=(), gates=(), phases=(), critical_path=()), events=())  # fmt: skip
    assert "There was nothing to do." in empty.write(tmp_path)
