"""Task lists as people really write them, made at random with known truth: every task is found and none invented, every declared order
holds and nothing else orders what the author left free, and marking tasks as done changes nothing but boxes."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from agent_dispatcher import AgentDispatcher
from agent_dispatcher_builtins.specifications.spec_kit.format import SpecKitFormat

from ..orders import closure

Pair = tuple[int, int]

PHASE_TITLES = {
    "setup": ["Setup (Shared Infrastructure)", "Setup", "初始设置 Setup", "Setup ⚙️"],
    "foundation": ["Foundational (Blocking Prerequisites)", "Foundational (Generic callback - US9)", "Foundation 🚧"],
    "story": [
        "User Story {n} - Loans (Priority: P{n})",
        "User Story {n} — Returns 🎯 MVP",
        "用户故事 {n} - 借书",
        "US{n}: Ловля",
    ],
    "core": ["Core Implementation (ONLY after tests are failing)", "Integration", "集成", "コア実装"],
    "polish": ["Polish & Cross-Cutting Concerns", "Polish"],
}
PHASE_STYLES = [
    "## Phase {k}: {t}",
    "## Phase {k} - {t}",
    "## PHASE {k}: {t} ",
    "## フェーズ{k}：{t}",
    "## 阶段 {k}：{t}",
    "## Fase {k}: {t}",
    "## Этап {k}. {t}",
    "## {k}단계: {t}",
]
TEXTS = [
    "Implement thing {i} in {p}",
    "Create the `Thing{i}` model in `{p}`",
    "モデル{i}を実装する {p}",
    "实现第{i}个模型 `{p}`",
    "모델 {i} 구현 `{p}`",
    "Реализовать модель {i} в `{p}`",
    "Implementar o modelo {i} em {p}",
    "Add `POST /things/{{id}}` (HTTP/1.1) and [docs](https://example.org/a/b.md) to {p}; T-shirts, e.g. XL",
    "Handle thing {i} — see T-9999 no more, mention FR-0x{i} only, write {p}",
]
#: Things without any task in them, put between phases.
NOISE = [
    "```text\n- [ ] T901 [P] fenced task in src/a.py\nT901 → T902\n```",
    "~~~\n- [x] T902 fenced too\n~~~",
    '```\nTask: "T001 in a fence"\n# Launch T001-T004 together:\n- [ ] T903 x\n```',
    "<!--\n- [ ] T904 commented out\n-->",
    "> - [ ] T905 quoted\n> and more of it",
    "Prose that mentions T001 and T002 before anything, and says T003 blocks T001.",
    "**Checkpoint**: T001 done; the story works",
    "- [ ] TXXX [P] Documentation updates in docs/",
    "- [ ] [TaskID] [P?] [Story?] Description with file path",
    "- [ ] a box without any id",
    "- T906 a bullet without a box",
    "| Task | What |\n|---|---|\n| T001 | a table |",
    "---",
    "**Purpose**: nothing\n---",
    "[x]: https://example.org",
    "- [ ] FR-001 is covered",
    "1. Complete Phase 1: Setup (T001-T004)\n2. **STOP and VALIDATE**",
]
BELOW = [
    "  - a detail that mentions T001",
    "  - [ ] a step without id",
    "  continued on the next line",
    "    ```bash\n    - [ ] T907 fenced below\n    ```",
    "",
]


@define
class Written:
    """One task list and what is true of it."""

    text: str
    ids: list[str] = field(factory=list)
    done: list[bool] = field(factory=list)
    parallel: list[bool] = field(factory=list)
    phase: list[int] = field(factory=list)
    kinds: list[str] = field(factory=list)
    paths: list[str] = field(factory=list)
    declared: set[Pair] = field(factory=set)
    boxes: bool = True

    def base(self) -> set[Pair]:
        """Every order that the format and the author give, not closed."""
        found = set(self.declared)
        for a in range(len(self.ids)):
            for b in range(a + 1, len(self.ids)):
                one, two = self.phase[a], self.phase[b]
                if one == two:
                    if not self.parallel[a] and not self.parallel[b]:
                        found.add((a, b))
                elif not (self.kinds[one] == self.kinds[two] == "story"):
                    found.add((a, b))
        return found


@st.composite
def task_lists(draw: st.DrawFn, loose: bool = False) -> Written:
    """A whole ``tasks.md``."""
    kinds = draw(st.sampled_from(ARRANGEMENTS))
    prefix = draw(st.sampled_from(["T", "T", "T", "T0", "FOUND-", "US1-", "T-"]))
    bracketed = draw(st.booleans()) if prefix != "T" else draw(st.sampled_from([False, False, True]))
    as_heading = prefix.startswith("T") and draw(st.sampled_from([False, False, False, True]))
    style = draw(st.sampled_from(PHASE_STYLES))
    first = draw(st.integers(0, 3))
    decimal = draw(st.booleans())
    bullet = draw(st.sampled_from(["-", "*", "-   ", "+", "1."]))
    indent = draw(st.sampled_from(["", "", "  ", "    ", "\t"]))
    gap = draw(st.integers(1, 3))
    nested = draw(st.booleans())
    things = [
        each for each in NOISE if not (as_heading and each.startswith("- ["))
    ]  # boxes below a heading are its steps
    noise = st.lists(st.sampled_from(things), max_size=2)
    number = draw(st.integers(0, 3))

    written = Written(text="", kinds=list(kinds), boxes=not as_heading)
    lines: list[tuple[int | None, list[str]]] = []

    def put(*texts: str, task: int | None = None) -> None:
        lines.append((task, [line for text in texts for line in text.split("\n")]))

    put("# Tasks: Things", "", "**Input**: documents", "**Prerequisites**: plan.md (required)", "")
    if nested:
        put("## Tasks", "")
    stories = 0
    for at, kind in enumerate(kinds):
        stories += kind == "story"
        title = draw(st.sampled_from(PHASE_TITLES[kind])).format(n=stories or 9)
        shown = f"{3}.{first + at}" if decimal else str(first + at)
        heading = style.format(k=shown, t=title)
        put(("#" if nested else "") + heading, *([""] * draw(st.integers(0, 1))))
        for _ in range(draw(st.integers(1, 4))):
            index = len(written.ids)
            number += draw(st.integers(1, gap))
            name = f"{prefix}{number:03d}"
            free = draw(st.booleans())
            done = draw(st.booleans())
            path = f"src/part{draw(st.integers(0, 3)) if draw(st.integers(0, 4)) == 0 else index + 100}.py"
            text = draw(st.sampled_from(LOOSE if loose else TEXTS)).format(
                i=index, p=path, q=f"src/part{100 + index // 2}.py"
            )
            written.ids.append(name)
            written.done.append(done)
            written.parallel.append(free)
            written.phase.append(at)
            written.paths.append(path)
            shown_id = f"[{name}]" if bracketed else draw(st.sampled_from([name, f"**{name}**"]))
            labels = draw(st.sampled_from(LABELS)) if kind == "story" else draw(st.sampled_from(["", "P1 ", "[P2] "]))
            labels = labels.format(n=stories)
            if as_heading:
                put(f"#### {shown_id}: {labels}{text}{' [P]' if free else ''}", task=index)
                put("", f"- [{'x' if done else ' '}] the only step", "")
            else:
                mark = draw(st.sampled_from(["x", "X"])) if done else " "
                line = f"{indent}{bullet} [{mark}] {shown_id} {'[P] ' if free else ''}{labels}{text}"
                put(line + draw(st.sampled_from(["", "", "  ", "\t"])), task=index)
                if not indent and bullet == "-":
                    put(*draw(st.lists(st.sampled_from(BELOW), max_size=1)))
        put("")
        for each in draw(noise):
            put("", each, "")
    _declare(draw, written, lines, put)
    for each in draw(noise):
        put("", "## Notes", "", each, "")
    end = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    bom = draw(st.sampled_from(["", "", "\ufeff"]))
    written.text = bom + end.join(line for _, block in lines for line in block) + draw(st.sampled_from(["", end]))
    return written


ARRANGEMENTS: list[tuple[str, ...]] = [
    ("setup", "foundation", "story", "story", "polish"),
    ("setup", "foundation", "story", "story", "story", "polish"),
    ("foundation", "story", "core", "story"),
    ("setup", "core", "core", "polish"),
    ("story", "story"),
    ("setup",),
]
LABELS = ["[US{n}] ", "[US{n}] ", "P1 US{n} ", "[P1] [US{n}] ", ""]
LOOSE = [
    "Set up the project skeleton {i}",
    "Write the user guide {i}",
    "Deploy part {i}",
    "Write unit tests {i}",
    "Implement part {i} using {q}",
    "Update {p} according to {q}",
    "Review part {i} and {q}",
    "Create {p}",
    "Refactor part {i}",
    "Test for {q} in tests/test_part{i}.py",
]


def _declare(draw: st.DrawFn, written: Written, lines: list[tuple[int | None, list[str]]], put: Any) -> None:
    """Add declarations, each from an earlier task to a later one, in the task or in a section."""
    count = len(written.ids)
    ids = written.ids
    if count < 2:
        return
    section: list[str] = []
    dash = draw(st.sampled_from(["-", "–", " - ", " – ", " to ", " through ", "—", "..", "-"]))
    for _ in range(draw(st.integers(0, 4))):
        after = draw(st.integers(1, count - 1))
        befores = sorted(set(draw(st.lists(st.integers(0, after - 1), min_size=1, max_size=3))))
        listed = draw(st.sampled_from([", ", " and ", " & ", ", "])).join(
            _maybe_typo(draw, written, each, after) for each in befores
        )
        form = draw(st.sampled_from(FORMS))
        if form == "range":
            befores = list(range(befores[0], befores[-1] + 1))
            if len(befores) == 1:
                listed = ids[befores[0]]
            else:
                listed = f"{ids[befores[0]]}{dash}{ids[befores[-1]]}"
            section.append(f"- Tests ({listed}) before implementation ({ids[after]})")
        elif form == "suffix":
            block = next(block for task, block in lines if task == after)
            line = block[0].rstrip()
            tail = " [P]" if line.endswith(" [P]") else ""
            block[0] = line.removesuffix(tail) + f" (depends on {listed})" + tail
        else:
            section.append(form.format(b=listed, a=ids[after]))
        written.declared |= {(before, after) for before in befores}
    if section or draw(st.booleans()):
        put(
            "",
            draw(
                st.sampled_from(
                    ["## Dependencies", "## Dependencies & Execution Order", "## 依赖关系", "## Зависимости"]
                )
            ),
            "",
        )
        put(*section)
        put("", "### Within Each User Story", "", "- Models before services", "- Tests first", "")
        put("### Parallel Opportunities", "", "- All tasks marked [P] can run in parallel after Phase 2", "")
        put("- **Note**: this does not depend on anything, and T001 may depend on nothing")


FORMS = [
    "suffix",
    "suffix",
    "range",
    "- {b} blocks {a}",
    "- {b} must complete before {a}",
    "- {a} depends on {b}",
    "- **{a}**: Depends on {b} - can run in parallel with others",
    "* {a} requires {b} (so that T001 is independent)",
    "- {a} blocked by {b}",
]


def _maybe_typo(draw: st.DrawFn, written: Written, index: int, after: int) -> str:
    """``T17`` for ``T017``, where there is no ``T17``; not between two marked tasks of a phase, whose marks no guess undoes."""
    name = written.ids[index]
    marked = written.parallel[index] and written.parallel[after] and written.phase[index] == written.phase[after]
    if not marked and name.startswith("T0") and name[2:].isdigit() and draw(st.integers(0, 5)) == 0:
        return f"T{name[2:]}"
    return name


def planned(dispatcher: AgentDispatcher, written: Written) -> tuple[Any, Mapping[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tasks.md").write_bytes(written.text.encode())
        (Path(folder) / "plan.md").write_text("# Implementation Plan: Things\n")
        plan = dispatcher.plan(folder)
    return plan, {task.id: index for index, task in enumerate(plan.tasks)}


PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
QUIET = settings(
    deadline=None, suppress_health_check=list(HealthCheck), max_examples=100, derandomize=True, phases=PHASES
)


@QUIET
@given(written=task_lists())
def test_every_task_is_found_and_none_is_invented(written: Written) -> None:
    """With its id, its status and the line it stands on; what is declared is declared, and nothing else is."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.md"
        file.write_bytes(written.text.encode())
        specification = SpecKitFormat().load(file)
    tasks = specification.tasks
    assert [task.source_id for task in tasks] == written.ids
    assert [task.status == "completed" for task in tasks] == written.done
    lines = written.text.replace("\r\n", "\n").split("\n")
    assert all(task.source_id in lines[int(task.source.rpartition(":")[2]) - 1] for task in tasks)
    number = {task.id: index for index, task in enumerate(tasks)}
    declared = {(number[each.task], index) for index, task in enumerate(tasks) for each in task.depends_on}
    assert declared == written.declared
    assert [[number[name] for name in phase.tasks] for phase in specification.phases] == [
        [index for index, at in enumerate(written.phase) if at == phase] for phase in range(len(written.kinds))
    ]
    assert {number[name] for phase in specification.phases for name in phase.parallel} == {
        index for index, free in enumerate(written.parallel) if free
    }
    assert [task.produces[0].name for task in tasks] == written.paths


@QUIET
@given(written=task_lists())
def test_what_is_said_is_ordered_and_nothing_else(dispatcher: AgentDispatcher, written: Written) -> None:
    """Declarations, phases and the list give the order; two writers of one file that are free are an exclusion."""
    plan, number = planned(dispatcher, written)
    truth = closure(written.base())
    assert closure((number[each.before], number[each.after]) for each in plan.dependencies) == truth
    free = {
        (a, b)
        for a in range(len(written.ids))
        for b in range(a + 1, len(written.ids))
        if written.paths[a] == written.paths[b] and (a, b) not in truth
    }
    apart = [{number[name] for name in each.tasks} for each in plan.exclusions]
    assert all(any({a, b} <= members for members in apart) for a, b in free)
    assert all(any({a, b} <= members for a, b in free) for members in apart)


@QUIET
@given(written=task_lists(loose=True))
def test_inference_does_not_take_the_freedom_the_author_left(dispatcher: AgentDispatcher, written: Written) -> None:
    """Whatever tasks say they use, document, test or deploy: marked tasks of a phase and independent stories stay free of each other."""
    plan, number = planned(dispatcher, written)
    truth = closure(written.base())
    gained = closure((number[each.before], number[each.after]) for each in plan.dependencies)
    pairs = {frozenset((number[task.id], number[name])) for task in plan.tasks for name in task.verifies}
    assert {pair for pair in truth - gained if frozenset(pair) not in pairs} == set()
    edges = {(number[each.before], number[each.after]) for each in plan.dependencies}
    for a, b in edges - truth:
        assert written.phase[a] == written.phase[b], "independent phases are ordered"
        assert not written.parallel[b], "a task that is marked parallel waits for its own phase"
    for a, b in gained - truth:
        marked = written.parallel[a] and written.parallel[b]
        assert not (marked and written.phase[a] == written.phase[b]), "tasks marked parallel are ordered"


@QUIET
@given(written=task_lists(), choice=st.randoms(use_true_random=False))
def test_marking_changes_boxes_only(written: Written, choice: Any) -> None:
    """Ticked by either name, read back as said, and cleared again to the same bytes."""
    if not written.boxes:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tasks.md"
        before = written.text.encode()
        file.write_bytes(before)
        spec_kit = SpecKitFormat()
        tasks = spec_kit.load(file).tasks
        wanted = [choice.choice(("completed", "failed", "pending")) for _ in tasks]
        names = [choice.choice((task.id, task.source_id)) for task in tasks]
        spec_kit.write_status(file, dict(zip(names, wanted, strict=True)))
        after = file.read_bytes()
        assert [task.status for task in spec_kit.load(file).tasks] == [
            "completed" if status == "completed" else "pending" for status in wanted
        ]
        assert len(after) == len(before)
        changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
        assert all({chr(a), chr(b)} <= set("xX ") for a, b in changed)
        assert len(changed) == sum(
            done != (status == "completed") for done, status in zip(written.done, wanted, strict=True)
        )
        spec_kit.write_status(
            file, {task.id: "completed" if done else "pending" for task, done in zip(tasks, written.done, strict=True)}
        )
        assert file.read_bytes().lower() == before.lower()


@settings(deadline=None, max_examples=300, derandomize=True)
@given(
    text=st.text(alphabet=string.printable + "–→「」。", max_size=400)
    | st.lists(
        st.sampled_from([*NOISE, *BELOW, "## Phase 1: X", "- [ ] T001 x", "## Dependencies", "- T001 blocks", "\0", "﻿"])
    ).map("\n".join),
    name=st.sampled_from(["tasks.md", "spec.md", "plan.md"]),
)
def test_nothing_makes_it_fail_otherwise_than_with_an_error_of_its_own(text: str, name: str) -> None:
    """Any text is a specification, or is refused with a place."""
    from agent_dispatcher.errors import SpecificationError

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(text.encode())
        assert 0 <= SpecKitFormat().matches(file) <= 2
        try:
            specification = SpecKitFormat().load(file)
        except SpecificationError as error:
            assert all(problem.where.startswith(name) for problem in error.problems)
        else:
            assert specification.format == "spec-kit"


def test_a_guessed_id_undoes_no_marks(dispatcher: AgentDispatcher, tmp_path: Path) -> None:
    """``T2`` is taken for ``T002`` and told; but two tasks marked ``[P]`` stay parallel, as nobody surely said otherwise."""
    tasks = "## Phase 1: All\n- [ ] T001 [P] Write a.py\n- [ ] T002 [P] Write b.py\n- [ ] T003 Write c.py\n\n## Dependencies\n\n"
    (tmp_path / "tasks.md").write_text(tasks + "- T001 blocks T2\n- T2 blocks T003\n")
    plan = dispatcher.plan(tmp_path)
    name = {task.id: task.source_id for task in plan.tasks}
    assert {(name[each.task], name[task.id]) for task in plan.tasks for each in task.depends_on} == {("T002", "T003")}
    assert any("a guess which id is meant" in text for text in plan.specification.warnings)
