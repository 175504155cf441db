"""The order in which the list itself puts its tasks, as phases.

Two dialects. Kiro's own list says in which order people work it off, and its waves show that this is no order of the tasks: only *checkpoints* stand between
what is listed before them and what is listed after::

    1 ─┐              ┌─ 5
    2 ─┼▶ 4 checkpoint┼─ 6          1, 2, 3 in any order, then 4, then 5 and 6 in any order
    3 ─┘              └─

cc-sdd says that a task waits for all before it, unless it is marked ``(P)``: then it may be done beside those right before it::

    1 ▶ 2 ─┬▶ 4                     1, 2, 3 (P), 4
        3 ─┘

Waves are a schedule. They become orders of little confidence, which bind nobody.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import define, evolve, field

from agent_dispatcher.models import PhaseOrder, TaskPhase

from ..checklist import Checklist, Entry
from .waves import Schedule

__all__ = ["WAVE_CONFIDENCE", "as_listed", "by_checkpoints", "by_waves", "is_checkpoint"]

#: How far a schedule of waves is trusted: enough to go first in the queue, too little to hold anybody.
WAVE_CONFIDENCE = 0.3
#: Longer lists are not guarded pair by pair.
_GUARDED = 500
_CHECKPOINT = re.compile(
    r"^[\W_]*(?:(?:final|last|mid\w*|interim|phase\s+[\w.]+|wave\s+\d+|最終|最终|最後の|中間|阶段|階段|최종|финальн\w+|final[ae]?)[\s:–—-]*)?"
    r"(?:checkpoint|check\s?point|チェックポイント|检查点|檢查點|체크포인트|ponto\s+de\s+(?:verificação|controle)|контрольная\s+точка)"
    r"(?:\s*\d*\s*(?:$|[-–—:：.(（,]|\b(?:ensure|verify|validate|run|all|make|review|confirm|test))|(?=[：:はの（]))",
    re.IGNORECASE,
)

Ids = Mapping[int, str]


def is_checkpoint(title: str) -> bool:
    """Whether a task is a checkpoint by its title; ``Checkpoint storage`` is none."""
    return bool(_CHECKPOINT.match(title[:200].replace("*", "")))


@define
class _Tree:
    """The list as a tree."""

    checklist: Checklist
    ids: Ids
    works: Callable[[int], bool]
    parts: Mapping[int, list[int]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.parts = self.checklist.children()

    def roots(self) -> list[int]:
        return [place for place, entry in enumerate(self.checklist.entries) if entry.parent is None]

    def leaves(self, place: int) -> Iterator[int]:
        """The tasks that have work of their own, among an entry and all its parts."""
        stack = [place]
        while stack:
            each = stack.pop()
            stack += reversed(self.parts.get(each, ()))
            if self.works(each):
                yield each

    def has_work(self, place: int) -> bool:
        """Whether there is any such task."""
        return next(self.leaves(place), None) is not None

    def called(self, place: int) -> str:
        entry = self.checklist.entries[place]
        return f'"{_name(entry)}"'

    def where(self, place: int) -> str:
        return self.checklist.page.where(self.checklist.entries[place].line)


def by_checkpoints(checklist: Checklist, ids: Ids, works: Callable[[int], bool]) -> list[TaskPhase]:
    """Phases that say only what stands before and behind each checkpoint of a level.

    Args:
        ids: task id of each place.
        works: whether a task has work of its own and is not left out.
    """
    tree = _Tree(checklist, ids, works)
    phases: list[TaskPhase] = []
    names = _Unique()
    for level in (tree.roots(), *tree.parts.values()):
        phases += _level(tree, level, names)
    return phases


def _level(tree: _Tree, level: Sequence[int], names: _Unique) -> Iterator[TaskPhase]:
    entries = tree.checklist.entries
    gates = [place for place in level if is_checkpoint(entries[place].title) and tree.has_work(place)]
    if not gates:
        return
    last = ""  # the phase before the one that is made
    behind: int | None = None  # the last gate
    for gate, bucket in _divided(level, gates):
        leaves = [leaf for place in bucket for leaf in tree.leaves(place)]
        order: list[PhaseOrder] = []
        if behind is not None:
            why = f"it is listed behind the checkpoint {tree.called(behind)}"
            order = [PhaseOrder(phase=last, why=why, source=tree.where(behind))]
        if leaves:
            name = names.take(f"what is listed {_beside(entries, gate, behind)}")
            yield _free(tree, name, leaves, order, tree.where(bucket[0]))
            last, order = name, []
        if gate is None:
            return
        if not order and last:
            why = f"{tree.called(gate)} is a checkpoint: all that is listed before it comes first"
            order = [PhaseOrder(phase=last, why=why, source=tree.where(gate))]
        name = names.take(_name(entries[gate]))
        yield _free(tree, name, list(tree.leaves(gate)), order, tree.where(gate))
        last, behind = name, gate


def _beside(entries: Sequence[Entry], gate: int | None, behind: int | None) -> str:
    if gate is not None:
        return f"before {_name(entries[gate])}"
    return f"behind {_name(entries[behind])}" if behind is not None else "here"


def _divided(level: Sequence[int], gates: Iterable[int]) -> Iterator[tuple[int | None, list[int]]]:
    """What stands before each gate, and at the end what stands behind the last."""
    bucket: list[int] = []
    closing = set(gates)
    for place in level:
        if place in closing:
            yield place, bucket
            bucket = []
        else:
            bucket.append(place)
    yield None, bucket


def _free(tree: _Tree, name: str, leaves: Sequence[int], after: Sequence[PhaseOrder], where: str) -> TaskPhase:
    return TaskPhase(
        name=name, tasks=tuple(tree.ids[leaf] for leaf in leaves), after=tuple(after), source=where, free=True
    )


# --- cc-sdd ---------------------------------------------------------------------------------------------------------


def as_listed(checklist: Checklist, ids: Ids, works: Callable[[int], bool]) -> list[TaskPhase]:
    """A phase for each task that has work, behind those it waits for by its place in the list.

    In a list of more than 500 tasks nothing guards what is marked ``(P)`` against orders that are only inferred: that takes every pair.
    """
    builder = _Listed(_Tree(checklist, ids, works))
    builder.level(builder.tree.roots(), [])
    if len(builder.phases) > _GUARDED:
        return [evolve(phase, free=True) for phase in builder.phases]
    return builder.phases


@define
class _Listed:
    tree: _Tree
    phases: list[TaskPhase] = field(factory=list)
    names: _Unique = field(factory=lambda: _Unique())

    def level(self, level: Sequence[int], before: Sequence[int]) -> list[int]:
        """Make the phases of the entries of one level.

        Args:
            before: the tasks that are last before the level begins.

        Returns:
            The tasks that are last in it.
        """
        beside: list[int] = []  # the ends of the current step: an entry and those marked (P) right behind it
        step = list(before)  # what the current step waits for
        begun = False
        after_gate = False
        for place in level:
            entry = self.tree.checklist.entries[place]
            if not self.tree.has_work(place):
                continue
            gate = is_checkpoint(entry.title)
            if begun and (not entry.parallel or gate or after_gate):
                step, beside = beside, []
            if self.tree.works(place):
                beside += self._task(place, step)
            inner = self.tree.parts.get(place, ())
            if any(map(self.tree.has_work, inner)):
                beside += self.level(inner, step)
            begun, after_gate = True, gate
        return beside if begun else step

    def _task(self, place: int, before: Sequence[int]) -> list[int]:
        tree = self.tree
        name = self.names.take(_name(tree.checklist.entries[place]))
        self._named[place] = name
        orders = tuple(
            PhaseOrder(
                phase=self._named[other],
                why=f"{tree.called(place)} is listed behind {tree.called(other)}, and the list is in the order of the work",
                source=tree.where(place),
            )
            for other in before
        )
        self.phases.append(TaskPhase(name=name, tasks=(tree.ids[place],), after=orders, source=tree.where(place)))
        return [place]

    _named: dict[int, str] = field(factory=dict)


# --- waves ----------------------------------------------------------------------------------------------------------


def by_waves(checklist: Checklist, ids: Ids, works: Callable[[int], bool], schedule: Schedule) -> list[TaskPhase]:
    """A phase for each wave, behind the one before it (or those it names), of little confidence."""
    tree = _Tree(checklist, ids, works)
    phases: list[TaskPhase] = []
    names: dict[int, str] = {}
    taken = _Unique()
    for place, wave in enumerate(schedule.waves):
        leaves = list(dict.fromkeys(leaf for each in wave.tasks for leaf in tree.leaves(each)))
        if not leaves:
            continue
        names[place] = taken.take(f"wave {wave.name}")
        earlier = wave.after if wave.after is not None else [max((p for p in names if p < place), default=-1)]
        orders = tuple(
            PhaseOrder(
                phase=names[other],
                why=f"the schedule has wave {wave.name} behind wave {schedule.waves[other].name}",
                source=checklist.page.where(wave.line),
                confidence=WAVE_CONFIDENCE,
            )
            for other in earlier
            if other in names and other != place
        )
        where = checklist.page.where(wave.line)
        tasks = tuple(ids[leaf] for leaf in leaves)
        phases.append(TaskPhase(name=names[place], tasks=tasks, after=orders, source=where, free=True))
    return phases


class _Unique:
    """Gives out names, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        free, number = name, 2
        while free in self._taken:
            free, number = f"{name} ({number})", number + 1
        self._taken.add(free)
        return free


def _name(entry: Entry) -> str:
    title = entry.title if len(entry.title) <= 60 else entry.title[:59] + "…"
    return f"{entry.number} {title}".strip() or "a task"
