"""What the text of ``tasks.md`` declares about order: ``(depends on T012)`` in a task, and the statements of the section on dependencies.

Understood is a statement with something that can be named on both sides: ``T013 blocks T015, T016``, ``Tests (T004-T012) before T013-T022``, ``Phase 2 depends on
Phase 1``, ``US3 (Phase 5): Depends on US1``, ``T001 → T002``. What hedges (``may``, ``if``), denies (``not``), speaks of independence, or only recommends an order (``Or one by
one: US1 → US2``) orders nothing. A statement that orders but names only one side, or nothing, is told and not applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from attrs import define, field, frozen

from ..page import Block, Page
from .arrangement import Phase
from .references import TASK_ID, Mention, Names
from .tasklines import TaskLine
from .words import ADVICE, AFTER, BEFORE, BLOCKS, DEPENDENCIES, HEDGES, NEEDS

__all__ = ["Order", "Statements", "read_statements"]

_ARROW = r"(?:-{1,3}>|=>|→|⇒|➜|➔|⟶)"
_VERB = re.compile(
    rf"(?P<arrow>{_ARROW})|(?<![A-Za-z])(?i:(?P<needs>{NEEDS}|{AFTER})|(?P<blocks>{BLOCKS})|(?P<before>{BEFORE}))(?![A-Za-z])"
)
_SAID = re.compile(
    rf"(?<![A-Za-z])(?i:(?P<needs>{NEEDS})|(?P<after>{AFTER})|(?P<blocks>{BLOCKS}))(?![A-Za-z])[\s:：*_]*"
)
_SECTION = re.compile(
    rf"^[\s*_]*(?i:(?P<needs>{NEEDS}|dependenc(?:y|ies)|prerequisites?|依存関係|依存タスク|依赖关系|의존성|зависимости|dependências)|(?P<blocks>{BLOCKS}))[\s*_]*[:：]?[\s*_]*(?P<rest>.*)$"
)
_BEHIND = re.compile(
    r"^(?P<after>.*?)(?:は|が|는|은)\s*(?P<before>.+?)\s*(?:に依存|の(?:完了)?後|에\s*의존|\s*이후|완료\s*후)"
)
_CUT = re.compile(
    r"[,，]?\s*\b(?:can|may|might|but|if|while|unless|independent\w*|in\s+parallel|parallel|not|no|without|so|because|since|then|mas|pode|но)\b",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\(([^()]*)\)|（([^（）]*)）")
_CLAUSE = re.compile(r"\s+[-–—]+\s+(?![>])|[;；。]|(?<=[^\d\s])\.\s+|\.$|,?\s+but\s+")
#: A dash between two ids is a range even with spaces around it, unless a new clause begins with the second.
_TO = re.compile(rf"(?<=\d)\s+[-–—]\s+(?={TASK_ID}(?!\s+(?:can|may|is|are|runs?|has|starts?)\b))")
_MARKS = re.compile(r"\*\*|__|`|~~")
#: A word that names nothing: a bracket with several of them explains.
_OTHER_WORD = re.compile(
    r"\b(?!(?:phases?|user|stor(?:y|ies)|tasks?|and|to|through|set-?up|foundation(?:al)?|polish|final|all|priority)\b)[^\W\d_]{2,}\b",
    re.IGNORECASE,
)
_DENIED = re.compile(r"(?:\b(?:not|no|never|n['’]t|longer|não)|не)\s*(?:\w+\s+)?$", re.IGNORECASE)
#: No statement is longer; what is behind it is not looked at.
_LONGEST = 4000


@frozen(kw_only=True)
class Order:
    """One side comes before the other.

    Attributes:
        before, after: positions of tasks, or of phases.
        phases: whether they are phases.
        guessed: tasks that are only guessed to be meant, as their id is written otherwise.
        text: the words that say so.
        line: where they stand.
    """

    before: tuple[int, ...]
    after: tuple[int, ...]
    phases: bool = False
    guessed: frozenset[int] = frozenset()
    text: str = ""
    line: int


@define
class Statements:
    """What was read.

    Attributes:
        orders: in the order of the file.
        warnings: what was not understood, with its place.
    """

    orders: list[Order] = field(factory=list)
    warnings: list[str] = field(factory=list)


def read_statements(page: Page, tasks: Sequence[TaskLine], phases: Sequence[Phase]) -> Statements:
    """Everything the page says about the order of its tasks."""
    names = Names([task.id for task in tasks], [task.story for task in tasks], [phase.name for phase in phases])
    reader = _Reader(page, tasks, phases, names)
    for index, task in enumerate(tasks):
        reader.task(index, task)
    own = {task.block for task in tasks}
    for at, block in enumerate(page.blocks):
        if at not in own and not block.quoted:
            reader.block(at, block)
    reader.finish()
    return reader.found


class _Reader:
    def __init__(self, page: Page, tasks: Sequence[TaskLine], phases: Sequence[Phase], names: Names) -> None:
        self.found = Statements()
        self._page = page
        self._tasks = tasks
        self._phases = phases
        self._names = names
        self._task_blocks = {task.block for task in tasks}
        self._under: dict[int | None, list[int]] = {}
        for index, task in enumerate(tasks):
            self._under.setdefault(page.blocks[task.block].heading, []).append(index)
        self._vague: dict[int | None, list[Block]] = {}
        self._columns: list[str] = []
        self._words = ""

    # --- in and below a task

    def task(self, index: int, task: TaskLine) -> None:
        """``(depends on T001)`` in a task's text, ``Depends on: T001`` in a line below it."""
        self._said(index, task.text, task.line)
        for line, text in task.details:
            section = _SECTION.match(_MARKS.sub("", text[:_LONGEST]).lstrip("-*+ "))
            if section and self._names.mentions(section["rest"][:_LONGEST]):
                self._for_tasks([index], section, line)
            else:
                self._said(index, text, line)

    def _said(self, index: int, text: str, line: int) -> None:
        """A statement whose subject is the task itself: none that has another task in front of it."""
        text = _MARKS.sub("", text[:_LONGEST])
        subject = next((each.start for each in self._names.mentions(text) if each.tasks), len(text))
        for said in _SAID.finditer(text):
            if _DENIED.search(text[max(0, said.start() - 30) : said.start()]):
                continue
            if subject < said.start() and not text[: said.start()].rstrip().endswith(("(", "（", ";", ",", ".")):
                continue
            named = self._names.listed(text, said.end())
            if not said["needs"]:
                named = [each for each in named if each.tasks and not each.phases]
            others = self._expand(named, line)
            pair = ([index], others) if said["blocks"] else (others, [index])
            words = text[said.start() : named[-1].end] if named else ""
            self._order(*pair, words, line)

    # --- anywhere else

    def block(self, at: int, block: Block) -> None:
        """A line that speaks of the tasks under its heading, or a statement in the section on dependencies."""
        if block.kind in ("heading", "html") or self._owned(block):
            return
        above = self._page.above(at)
        if any(DEPENDENCIES.search(self._page.blocks[each].text) for each in above) and not self._under.get(
            block.heading
        ):
            self._statement(block, above)
            return
        if block.kind in ("text", "item") and self._under.get(block.heading):
            for line, text in enumerate(block.text.split("\n"), block.line):
                section = _SECTION.match(_MARKS.sub("", text[:_LONGEST]))
                if section and self._names.mentions(section["rest"]):
                    self._for_tasks(self._under[block.heading], section, line)

    def _owned(self, block: Block) -> bool:
        item = block.item
        while item is not None:
            if item in self._task_blocks:
                return True
            item = self._page.blocks[item].item
        return block.heading in self._task_blocks

    def _for_tasks(self, mine: Sequence[int], section: re.Match[str], line: int) -> None:
        rest = _cut(section["rest"])
        if HEDGES.match(rest.strip()):
            return
        named = self._names.mentions(rest)
        others = [other for other in self._expand(named, line) if other not in set(mine)]
        words = section.group().strip(" *_-")
        before, after = (mine, others) if section["blocks"] else (others, mine)
        self._order(before, after, words, line)

    def _statement(self, block: Block, above: Sequence[int]) -> None:
        if block.kind == "fence":
            lines = [line for line in block.text.split("\n") if re.search(_ARROW, line) and self._names.mentions(line)]
            if lines:
                self._warn(block.line, "a drawing of the order is not read: say it in words outside of the fence")
            return
        if block.kind == "row":
            self._row(block)
            return
        title = self._title(block.heading)
        if HEDGES.search(title) and not DEPENDENCIES.search(title):  # "Parallel Opportunities"
            return
        for line, text in _sentences(block):
            if not ADVICE.search(text) and not self._clauses(text, line, self._context(block, above)):
                self._vague.setdefault(block.heading, []).append(block)

    def _title(self, heading: int | None) -> str:
        return self._page.blocks[heading].text if heading is not None else ""

    def _context(self, block: Block, above: Sequence[int]) -> str:
        """What a statement without a subject speaks of: the item above it, else its heading."""
        if block.item is not None:
            return _MARKS.sub("", self._page.blocks[block.item].flat)
        return _MARKS.sub("", self._page.blocks[above[0]].flat) if above else ""

    def _clauses(self, text: str, line: int, context: str) -> bool:
        """Read one sentence; ``False`` when it orders something but names nothing."""
        understood = True
        subject = ""
        self._words = text
        for clause in map(self._labelled, self._split(text)):
            behind = _BEHIND.match(clause)
            if behind and self._names.mentions(behind["before"]):
                self._relate(behind["before"], behind["after"], line)
                continue
            verb = _VERB.search(clause)
            if verb is None:
                if not subject and self._names.mentions(clause):
                    subject = clause
                continue
            left = clause[: verb.start()]
            if HEDGES.search(re.sub(r"(?i)(?:in\s+)?parallel", "", left)):
                continue
            for candidate in (left, subject, context):
                if self._names.mentions(candidate):
                    left = candidate
                    break
            subject = subject or left
            understood = self._chain(left, verb, clause, line) and understood
        return understood

    def _labelled(self, clause: str) -> str:
        """With a colon for each arrow that only leads to what is said in words: ``US2 → Depends on US1``."""
        parts = re.split(f"({_ARROW})", clause)
        for at in range(2, len(parts), 2):
            verb = _VERB.search(parts[at])
            if verb is not None and not self._names.mentions(parts[at][: verb.start()]):
                parts[at - 1] = ":"
        return "".join(parts)

    def _split(self, text: str) -> Iterator[str]:
        """The clauses of a sentence. A bracket that orders something that has a name is one of its own; one that only explains is left out."""
        own: list[str] = []

        def bracket(found: re.Match[str]) -> str:
            inside = found[1] or found[2] or ""
            if HEDGES.search(inside):
                return " "
            if _VERB.search(inside):
                if self._names.mentions(inside):
                    own.append(inside)
                return " "
            explained = len(_OTHER_WORD.findall(re.sub(TASK_ID, " ", inside))) > 1
            return " " if explained else f" {inside} "

        plain = _TO.sub("-", _BRACKETS.sub(bracket, text))
        yield from (clause for clause in _CLAUSE.split(plain) if clause and clause.strip())
        yield from own

    def _chain(self, left: str, verb: re.Match[str], clause: str, line: int) -> bool:
        """``left verb right``; arrows may go on: ``T001 → T002 → T003``."""
        if verb["arrow"]:
            parts = [left, *re.split(_ARROW, clause[verb.end() :])]
            told = [self._relate(first, _cut(second), line) for first, second in pairwise(parts)]
            return all(told)
        right = _cut(clause[verb.end() :])
        further = _VERB.search(right)
        if further:
            right = right[: further.start()]
        if verb["needs"]:
            return self._relate(right, left, line)
        return self._relate(left, right, line)

    def _relate(self, before: str, after: str, line: int) -> bool:
        first, second = self._names.mentions(before), self._names.mentions(after)
        if not first and not second:
            return False
        if not first or not second:
            self._warn(
                line,
                f'only one side of this order names tasks or phases, so it is not applied: "{_short(self._words)}"',
            )
            return True
        if _by_phase(first) and _by_phase(second):
            self._remarks([*first, *second], line)
            pair = [tuple(dict.fromkeys(i for each in side for i in each.phases)) for side in (first, second)]
            common = set(pair[0]) & set(pair[1])
            self.found.orders.append(
                Order(
                    before=tuple(i for i in pair[0] if i not in common),
                    after=tuple(i for i in pair[1] if i not in common),
                    phases=True,
                    text=_short(self._words),
                    line=line,
                )
            )
        else:
            self._order(self._expand(_surest(first), line), self._expand(_surest(second), line), self._words, line)
        return True

    def _row(self, block: Block) -> None:
        """A row of a table with a column of tasks and one of what they depend on, or block."""
        needs = [
            i
            for i, name in enumerate(self._columns)
            if re.search(rf"(?i){NEEDS}|dependenc|prerequisite|依存|依赖|의존", name)
        ]
        blocks = [i for i, name in enumerate(self._columns) if re.search(rf"(?i){BLOCKS}", name)]
        cells = [next(self._split(_MARKS.sub("", cell[:_LONGEST])), "") for cell in block.cells]
        named = [[] if HEDGES.match(cell.strip()) else self._names.mentions(cell) for cell in cells]
        if not named or not named[0] or not (needs or blocks):
            if not any(named):
                self._columns = list(block.cells)
            return
        mine = self._expand(_surest(named[0]), block.line)
        for column in (*needs, *blocks):
            if 0 < column < len(named) and named[column]:
                others = self._expand(_surest(named[column]), block.line)
                pair = (others, mine) if column in needs else (mine, others)
                self._order(*pair, block.flat, block.line)

    # --- what came of it

    def _expand(self, mentions: Sequence[Mention], line: int) -> list[int]:
        """The tasks that are named, those of named phases included."""
        self._remarks(mentions, line)
        found: list[int] = []
        for mention in mentions:
            found += mention.tasks
            for phase in mention.phases:
                found += self._phases[phase].tasks
        return list(dict.fromkeys(found))

    def _remarks(self, mentions: Sequence[Mention], line: int) -> None:
        for remark in dict.fromkeys(remark for mention in mentions for remark in mention.remarks):
            self._warn(line, remark)

    def _order(self, before: Sequence[int], after: Sequence[int], words: str, line: int) -> None:
        both = set(before) & set(after)
        if both:
            called = ", ".join(sorted({self._tasks[index].id for index in both}))
            if len(before) == len(after) == 1:
                self._warn(line, f"{called} is said to wait for itself")
            else:
                self._warn(line, f"{called} stands on both sides of an order; it does not wait for itself")
        if before and after:
            guessed = self._names.guessed(words)
            self.found.orders.append(
                Order(before=tuple(before), after=tuple(after), guessed=guessed, text=words, line=line)
            )

    def _warn(self, line: int, what: str) -> None:
        text = f"{self._page.where(line)}: {what}"
        if text not in self.found.warnings:
            self.found.warnings.append(text)

    def finish(self) -> None:
        """Tell the statements that order sorts of work ("models before services") once for each heading."""
        for heading, blocks in self._vague.items():
            quoted = _short(blocks[0].flat)
            more = f" and {len(blocks) - 1} more" if len(blocks) > 1 else ""
            self._warn(
                blocks[0].line,
                f'under "{self._title(heading).strip()}" an order names no task, phase or story, so it is not applied: "{quoted}"{more}',
            )


def _by_phase(mentions: Sequence[Mention]) -> bool:
    return not any(mention.tasks or (mention.remarks and not mention.phases) for mention in mentions)


def _surest(mentions: Sequence[Mention]) -> list[Mention]:
    """Where tasks are named by their ids, a phase beside them only says what they are: ``Setup (T001-T003)``."""
    named = [mention for mention in mentions if mention.tasks and not mention.phases]
    return named or list(mentions)


def _sentences(block: Block) -> Iterator[tuple[int, str]]:
    """The lines of a block with their numbers; a line that only goes on is joined to the one before."""
    held: list[tuple[int, str]] = []
    for number, text in enumerate(block.text.split("\n"), block.line):
        text = _MARKS.sub("", text).strip()[:_LONGEST]
        verb = _VERB.search(text)
        if held and (verb is None or verb.start() == 0 or text.startswith(("(", ","))):
            held[-1] = (held[-1][0], f"{held[-1][1]} {text}")
        else:
            held.append((number, text))
    yield from held


def _cut(text: str) -> str:
    """The text up to where it begins to qualify."""
    found = _CUT.search(text)
    return text[: found.start()] if found else text


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:89] + "…"
