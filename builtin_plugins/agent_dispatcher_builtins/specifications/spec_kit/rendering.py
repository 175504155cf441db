"""A plan as a feature of spec-kit: ``tasks.md``, and ``spec.md`` with the requirements.

The format orders tasks by place and by word. Phases are cut where everything before comes before everything behind; in a phase, one chain keeps the order of the
list, every other task is marked ``[P]`` and says what it waits for::

    ## Phase 1: Set-up
    - [ ] T001 Make the project                 T001 ▶ T002
    - [ ] T002 Configure it
    ## Phase 2: Work
    - [ ] T003 [P] Import                       all of it behind phase 1
    - [ ] T004 [P] Export
    - [ ] T005 Report                           behind T003 by word
          - Depends on: T003

Titles and descriptions may hold anything, also what the format takes for an order. So what was written is read again; where that orders more than the plan
does, names are chosen that no text can mean, and descriptions stand in quotations, which order nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.models import ExecutionPlan, Task

from ..page import parse_page
from ..rendering import flat, listed_order, names_for, origin, waits
from .arrangement import phase_name
from .escapes import escaped_line, escaped_title
from .references import TASK_ID
from .requirements_page import Labels, render_requirements
from .tasks import read_tasks
from .words import PHASE_NAME

__all__ = ["render_plan"]

_ID = re.compile(TASK_ID)
_TEXT_ID = re.compile(rf"(?<![A-Za-z0-9_]){TASK_ID}")
#: Ids of tasks in one line; longer statements are not read to their end.
_A_LINE = 200
#: No prefix has more numbers.
_MOST_NUMBERS = 9_999
#: Phases are looked for in lists up to this length.
_MOST = 20_000
_STEP_ID = re.compile(rf"[*_`~\[]*{TASK_ID}")


@frozen(kw_only=True)
class _Style:
    """How careful the page is: ``titled`` numbers phases and calls them after groups, ``labelled`` ties tasks to stories, ``quoted`` keeps descriptions from being read."""

    titled: bool = True
    labelled: bool = True
    quoted: bool = False


#: The first that orders nothing beyond the plan is taken, else the last.
_STYLES = (_Style(), _Style(titled=False), _Style(titled=False, labelled=False, quoted=True))


@frozen(kw_only=True, eq=False)
class _Phase:
    title: str
    tasks: tuple[Task, ...]
    story: bool = False


def render_plan(plan: ExecutionPlan) -> dict[str, str]:
    """``tasks.md``, and ``spec.md`` when there are requirements or terms."""
    labels = Labels.of(plan.specification)
    before = waits(plan, families=False)
    page = _Writer(plan, before, labels, _STYLES[0])
    text = page.text()
    for style in _STYLES[1:]:
        if page.reads_back(text):
            break
        page = _Writer(plan, before, labels, style)
        text = page.text()
    spec = render_requirements(plan, labels)
    return {"tasks.md": text, "spec.md": spec} if spec else {"tasks.md": text}


class _Writer:
    def __init__(self, plan: ExecutionPlan, before: Mapping[str, Sequence[str]], labels: Labels, style: _Style) -> None:
        self._plan = plan
        self._before = before
        self._labels = labels
        self._style = style
        self._names = _names(plan.tasks, fresh=not style.titled)
        self._expected: set[tuple[str, str]] = set()

    def text(self) -> str:
        plan = self._plan
        lines = [f"<!-- {origin(plan).replace('--', '- -').replace('>', '')} -->", ""]
        lines += [f"# Tasks: {flat(plan.specification.title)}", ""]
        phases = self._phases()
        placed: dict[str, _Phase] = {}
        for number, phase in enumerate(phases, 1):
            lines += [f"## Phase {number}: {phase.title}" if self._style.titled else f"## {phase.title}", ""]
            chain = _chain(phase.tasks, self._before)
            for task in phase.tasks:
                implied = chain if task.id in chain else frozenset()
                waits_for = [
                    each
                    for each in self._before[task.id]
                    if each not in implied and not (each in placed and _follows(phase, placed[each]))
                ]
                lines += self._task(task, waits_for, parallel=task.id not in chain)
                self._expected.update((self._names[each], self._names[task.id]) for each in waits_for)
            placed.update((task.id, phase) for task in phase.tasks)
            lines.append("")
        return "\n".join(lines).rstrip("\n") + "\n"

    def reads_back(self, text: str) -> bool:
        """Whether the reader finds these tasks and no order beyond what is written."""
        found = read_tasks(parse_page(text, "tasks.md"), self._labels.values())
        names = {task.id: task.source_id or "" for task in found.tasks}
        orders = {(names[each.task], names[task.id]) for task in found.tasks for each in task.depends_on}
        return sorted(names.values()) == sorted(self._names.values()) and orders == self._expected

    # --- one task

    def _task(self, task: Task, waits_for: Sequence[str], *, parallel: bool) -> Iterator[str]:
        labels = ["[P]"] if parallel else []
        labels += self._labels.of_task(task.requirements) if self._style.labelled else []
        mark = "x" if task.status == "completed" else " "
        head = " ".join([f"- [{mark}]", self._names[task.id], *labels])
        yield f"{head} {escaped_title(flat(task.title))}".rstrip()
        for start in range(0, len(waits_for), _A_LINE):
            yield f"  - Depends on: {', '.join(self._names[each] for each in waits_for[start : start + _A_LINE])}"
        for step in task.steps:
            yield f"  - [{'x' if step.status == 'completed' else ' '}] {_step(flat(step.title))}"
        described = [line.strip() for line in task.description.splitlines()]
        if any(described):
            yield ""
            before = "  > " if self._style.quoted else "  "
            yield from (f"{before}{escaped_line(line)}".rstrip() for line in described)
            yield ""

    # --- phases

    def _phases(self) -> list[_Phase]:
        order = listed_order(self._plan.tasks, self._before)
        if not self._style.titled:
            return [_Phase(title="Work", tasks=tuple(order))]
        found: list[_Phase] = []
        for segment in _by_group(_segments(order, self._before)):
            groups = list(dict.fromkeys(flat(task.group) for task in segment))
            if all(phase_name(_heading(group)).story for group in groups):
                for group in groups:
                    tasks = tuple(task for task in segment if flat(task.group) == group)
                    found.append(_Phase(title=_bare(group), tasks=tasks, story=True))
            else:
                found.append(_Phase(title=_plain(groups), tasks=tuple(segment)))
        return found


def _follows(phase: _Phase, earlier: _Phase) -> bool:
    """Whether the format itself puts a phase behind one that is listed before it: user stories do not wait for each other."""
    return phase is not earlier and not (phase.story and earlier.story)


def _plain(groups: Sequence[str]) -> str:
    """The title of a phase for no story alone: its only group, unless that reads like something else."""
    title = _bare(groups[0]) if len(groups) == 1 else ""
    return "Work" if not title or _STEP_ID.match(title) or phase_name(_heading(title)).story else title


def _heading(group: str) -> str:
    return f"Phase 1: {_bare(group)}"


def _bare(group: str) -> str:
    """A group's name without a number that counts phases somewhere else."""
    return PHASE_NAME.sub("", group).strip(" :#-–—.")


def _segments(order: Sequence[Task], before: Mapping[str, Sequence[str]]) -> list[list[Task]]:
    """The list cut wherever everything in front comes before everything behind."""
    if len(order) > _MOST:
        return [list(order)]
    earlier = _earlier(order, before)
    found: list[list[Task]] = []
    common = -1  # what comes before every task behind the place looked at
    for at in range(len(order) - 1, -1, -1):
        if not found or common & ((1 << at + 1) - 1) == (1 << at + 1) - 1:
            found.append([])
        found[-1].append(order[at])
        common &= earlier[at]
    return [segment[::-1] for segment in reversed(found)]


def _by_group(segments: Sequence[list[Task]]) -> list[list[Task]]:
    """Neighbouring segments that are of one and the same group together."""
    found: list[list[Task]] = []
    for segment in segments:
        groups = {flat(task.group) for task in segment}
        if found and len(groups) == 1 and {flat(task.group) for task in found[-1]} == groups:
            found[-1] = [*found[-1], *segment]
        else:
            found.append(segment)
    return found


def _chain(tasks: Sequence[Task], before: Mapping[str, Sequence[str]]) -> frozenset[str]:
    """Tasks of a phase of which each waits for the one before; none where that would be a single one."""
    earlier = _earlier(tasks, before) if len(tasks) <= _MOST else []
    chain: list[int] = []
    for at in range(len(earlier)):
        if not chain or earlier[at] >> chain[-1] & 1:
            chain.append(at)
    return frozenset(tasks[at].id for at in chain) if len(chain) > 1 else frozenset()


def _earlier(order: Sequence[Task], before: Mapping[str, Sequence[str]]) -> list[int]:
    """For each place of a list, as the bits of a number, the places that come before it by what the tasks wait for."""
    place = {task.id: at for at, task in enumerate(order)}
    found: list[int] = []
    for task in order:
        bits = 0
        for each in before[task.id]:
            if each in place:
                bits |= found[place[each]] | 1 << place[each]
        found.append(bits)
    return found


# --- names ------------------------------------------------------------------------------------------------------------


def _names(tasks: Sequence[Task], *, fresh: bool) -> dict[str, str]:
    """A name for each task; ``fresh`` ones stand in no text."""
    if not fresh:
        return names_for(tasks, _ID, _numbered)
    spoken = {
        name.partition("-")[0]
        for task in tasks
        for text in (task.title, task.description)
        for name in _TEXT_ID.findall(text)
    }
    prefix = next(name for name in (f"W{number}" for number in range(1, len(spoken) + 2)) if name not in spoken)
    if len(tasks) > _MOST_NUMBERS:
        return names_for(tasks, _ID, _numbered)
    return {task.id: f"{prefix}-{number:03d}" for number, task in enumerate(tasks, 1)}


def _numbered(number: int) -> str:
    """``T001``; from 10,000 on ``T1-0000``, as no id of the format has more digits."""
    high, low = divmod(number, 10_000)
    return f"T{high}-{low:04d}" if high else f"T{low:03d}"


def _step(title: str) -> str:
    return f"\\{title}" if title.startswith("\\") or _STEP_ID.match(title) else title
