"""``spec.md``: functional requirements, success criteria, user stories with their scenarios, edge cases, entities, open questions.

Everything keeps the line it stands on. Edge cases have no ids in the format: they are called ``EDGE-1``, ``EDGE-2``, ... in their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import define, field

from agent_dispatcher.models import Requirement, Scenario

from ..page import Block, Page
from .words import GUIDANCE

__all__ = ["SpecPage", "read_spec"]

_TITLE = re.compile(
    r"^(?:feature\s+specification|機能仕様書?|功能规范|功能规格|功能規格|기능\s*명세서?|especifica[çc][ãa]o\s+(?:da|de)\s+funcionalidade"
    r"|спецификация(?:\s+\w+)?)\s*[:：]\s*",
    re.IGNORECASE,
)
_REQUIREMENT = re.compile(
    r"^\s*[*_`~]*(?:\[\s*)?(?P<id>(?:FR|NFR|SC|UR|BR|SR|PR|DR|IR|TR|REQ|AC|CR|OR|QR|RR)-?(?:[A-Z]+-?)?\d+(?:\.\d+)*[a-z]?)(?:\s*\])?[*_`]*"
    r"\s*(?:\([^)]*\)\s*)?[*_`]*\s*[:：.–—-]?[*_`]*\s*(?P<text>.*)$",
    re.DOTALL,
)
_STORY = re.compile(
    r"^[\W_]*(?:user\s+story|story|ユーザーストーリー|用户故事|使用者故事|사용자\s*스토리|hist[óo]ria\s+(?:de|do)\s+usu[áa]rio|пользовательская\s+история|US)"
    r"\s*-?\s*(?P<number>\d{1,3})\s*(?:[-–—:：.]\s*)?(?P<title>.*)$",
    re.IGNORECASE,
)
_PRIORITY = re.compile(
    r"[(（\[]?\s*(?:priority|優先度|优先级|優先級|우선순위|prioridade|приоритет)\s*[:：]?\s*\**\s*P?(?P<number>\d)\s*[)）\]]?|[(（\[]\s*P(?P<short>\d)\s*[)）\]]",
    re.IGNORECASE,
)
_EDGE_CASES = re.compile(
    r"edge\s+cases?|エッジケース|边界(?:情况|条件|用例)|邊界|경계\s*(?:사례|조건)|엣지\s*케이스|casos\s+(?:de\s+borda|extremos|limite)|граничные\s+случаи|крайние\s+случаи",
    re.IGNORECASE,
)
_SCENARIOS = re.compile(
    r"acceptance\s+scenarios?|acceptance\s+criteria|受け入れシナリオ|受入シナリオ|验收(?:场景|标准)|驗收|인수\s*(?:시나리오|조건)|수락\s*시나리오"
    r"|cen[áa]rios\s+de\s+aceita[çc][ãa]o|сценарии\s+при[её]мки|критерии\s+при[её]мки",
    re.IGNORECASE,
)
_ENTITIES = re.compile(
    r"key\s+entit|主要エンティティ|关键实体|關鍵實體|핵심\s*엔(?:티티|터티)|주요\s*엔티티|entidades|ключевые\s+сущности",
    re.IGNORECASE,
)
_GIVEN = r"(?:given|前提|假设|假設|给定|給定|주어진|dado|dada|дано|при\s+условии)"
_WHEN = r"(?:when|もし|当|當|할\s*때|언제|quando|когда|если)"
_THEN = r"(?:then|ならば|那么|那麼|则|則|그러면|ent[ãa]o|тогда|то)"
_PARTS = re.compile(
    rf"[*_]*\b{_GIVEN}[*_]*[:：]?\s*(?P<given>.+?)[,，、;.]?\s*[*_]+{_WHEN}[*_]+[:：]?\s*(?P<when>.+?)[,，、;.]?\s*[*_]+{_THEN}[*_]+[:：]?\s*(?P<then>.+)"
    rf"|\b{_GIVEN}\b\s*(?P<given2>.+?)[,，、;.]?\s+{_WHEN}\b\s*(?P<when2>.+?)[,，、;.]?\s+{_THEN}\b\s*(?P<then2>.+)",
    re.DOTALL | re.IGNORECASE,
)
_NAMED = re.compile(r"^\s*(?:\*\*|__)(?P<name>[^*_\n]{1,80})(?:\*\*|__)\s*[:：–—-]*\s*(?P<text>.*)$", re.DOTALL)
_BOLD_LINE = re.compile(r"^\s*(?:\*\*|__)[^*_]{1,60}(?:\*\*|__)\s*[:：]?|^\s*(?:\*\*|__)[^*_]{1,60}[:：](?:\*\*|__)")
_OPEN = re.compile(r"(?P<struck>~~\s*)?\[NEEDS\s+CLARIFICATION\s*[:：]?\s*(?P<question>[^\]]*)\]", re.IGNORECASE)
_EXAMPLE = re.compile(r"^(?:specific\s+question|question|q|\.+|…|list\s+.*)?$", re.IGNORECASE)
_PRIORITIES = {0: "critical", 1: "high", 2: "medium"}
#: A scenario or requirement is never longer; patterns need an end.
_LONGEST = 8000


@define
class SpecPage:
    """What ``spec.md`` says."""

    title: str = ""
    summary: str = ""
    requirements: list[Requirement] = field(factory=list)
    entities: dict[str, str] = field(factory=dict)
    questions: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)


def read_spec(page: Page) -> SpecPage:
    """Read the whole page; nothing in it can make it fail."""
    return _Reader(page).read()


@define
class _Story:
    """A user story while it is read."""

    number: int
    title: str
    priority: str
    line: int
    text: list[str] = field(factory=list)
    scenarios: list[Scenario] = field(factory=list)


class _Reader:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._found = SpecPage()
        self._by_id: dict[str, Requirement] = {}
        self._stories: dict[int, _Story] = {}
        self._edges: list[Requirement] = []
        self._in_scenarios = False

    def read(self) -> SpecPage:
        for index, block in enumerate(self._page.blocks):
            self._block(index, block)
        for story in self._stories.values():
            self._by_id.setdefault(f"US{story.number}", self._requirement(story))
        self._found.requirements = sorted([*self._by_id.values(), *self._edges], key=_line)
        return self._found

    def _block(self, index: int, block: Block) -> None:
        page = self._page
        above = page.above(index)
        if block.kind == "heading":
            self._heading(block)
            return
        if block.kind in ("fence", "html") or any(GUIDANCE.search(page.blocks[each].flat) for each in above):
            return
        self._questions(block)
        section = page.blocks[above[0]].flat if above else ""
        story = self._story_of(above)
        named = _REQUIREMENT.match(
            (block.cells[0] + ": " + " ".join(block.cells[1:])) if block.cells else block.text[:_LONGEST]
        )
        if named and (block.kind in ("item", "row") or named["text"]):
            self._named(block, named)
        elif _EDGE_CASES.search(section) and block.kind == "item" and block.item is None:
            identity = f"EDGE-{len(self._edges) + 1}"
            self._edges.append(Requirement(id=identity, text=block.flat, source=page.where(block.line)))
        elif _ENTITIES.search(section) and block.kind == "item" and (entity := _NAMED.match(block.text)):
            self._found.entities.setdefault(entity["name"].strip(" :："), " ".join(entity["text"].split()))
        elif story is not None:
            self._of_story(story, block)
        elif _SCENARIOS.search(section) and block.kind == "item":
            self._lonely_scenario(block)
        elif (
            not self._found.summary
            and block.kind == "text"
            and block.text.startswith(("**Input**", "**输入**", "**入力**"))
        ):
            self._found.summary = block.flat.partition(":")[2].strip(" *")

    def _heading(self, block: Block) -> None:
        text = block.flat
        self._in_scenarios = bool(_SCENARIOS.search(text))
        if block.level == 1 and not self._found.title:
            self._found.title = _TITLE.sub("", text).strip(" *") or text
            return
        found = _STORY.match(text)
        if found and (block.level >= 2 or not re.match(r"[^\w]*US\b", text)):
            number = int(found["number"])
            if number in self._stories:
                first = self._page.where(self._stories[number].line)
                self._warn(block, f"user story {number} stands twice (the first: {first}); both are taken together")
                return
            priority = _PRIORITY.search(found["title"])
            title = _PRIORITY.sub("", found["title"]).strip(" -–—:*🎯")
            self._stories[number] = _Story(number, title, _priority(priority), block.line)

    def _story_of(self, above: list[int]) -> _Story | None:
        for index in above:
            found = _STORY.match(self._page.blocks[index].flat)
            if found:
                return self._stories.get(int(found["number"]))
        return None

    def _named(self, block: Block, named: re.Match[str]) -> None:
        name, text = named["id"], " ".join(named["text"].split())
        known = self._by_id.get(name)
        if known is not None:
            if text and text != known.text:
                self._warn(block, f"{name} stands twice (the first: {known.source}); only the first counts")
            return
        if not text:
            self._warn(block, f"{name} says nothing")
            return
        self._by_id[name] = Requirement(id=name, text=text, source=self._page.where(block.line))

    def _of_story(self, story: _Story, block: Block) -> None:
        if block.kind == "text" and _SCENARIOS.search(block.text[:80]):
            self._in_scenarios = True
        elif block.kind == "text" and _BOLD_LINE.match(block.text):
            self._in_scenarios = False
        scenario = self._scenario(block)
        if scenario is not None:
            story.scenarios.append(scenario)
        elif block.kind == "item" and self._in_scenarios:
            story.scenarios.append(Scenario(title=block.flat, source=self._page.where(block.line)))
        elif block.kind == "text" and not story.text and not _BOLD_LINE.match(block.text):
            story.text.append(block.flat)
        elif block.kind == "text" and story.priority == "medium" and (found := _PRIORITY.search(block.text[:200])):
            story.priority = _priority(found)

    def _lonely_scenario(self, block: Block) -> None:
        """Older templates have one story without a number and its scenarios under a heading of their own."""
        scenario = self._scenario(block) or Scenario(title=block.flat, source=self._page.where(block.line))
        story = self._stories.get(0)
        if story is None:
            heading = next(
                (
                    index
                    for index, each in enumerate(self._page.blocks)
                    if each.kind == "heading" and re.search(r"primary\s+user\s+story", each.text, re.IGNORECASE)
                ),
                None,
            )
            story = _Story(0, "Primary user story", "medium", block.line)
            if heading is not None:
                story.line = self._page.blocks[heading].line
                story.text = [
                    each.flat for each in self._page.blocks if each.heading == heading and each.kind == "text"
                ][:1]
            self._stories[0] = story
        story.scenarios.append(scenario)

    def _scenario(self, block: Block) -> Scenario | None:
        found = _PARTS.search(block.text[:_LONGEST])
        if found is None:
            return None

        def part(name: str) -> tuple[str, ...]:
            text = found[name] or found[f"{name}2"] or ""
            return (" ".join(text.split()).strip(" *,"),)

        where = self._page.where(block.line)
        return Scenario(given=part("given"), when=part("when"), then=part("then"), source=where)

    def _requirement(self, story: _Story) -> Requirement:
        text = f"{story.title}: {story.text[0]}" if story.title and story.text else story.title or " ".join(story.text)
        return Requirement(
            id=f"US{story.number}",
            text=text or f"User story {story.number}",
            priority=story.priority,
            scenarios=tuple(story.scenarios),
            source=self._page.where(story.line),
        )

    def _questions(self, block: Block) -> None:
        for question, line in open_questions(block):
            self._found.questions.append(f"{self._page.where(line)}: an open question: {question}")

    def _warn(self, block: Block, what: str) -> None:
        self._found.warnings.append(f"{self._page.where(block.line)}: {what}")


def open_questions(block: Block) -> Iterator[tuple[str, int]]:
    """What is marked ``[NEEDS CLARIFICATION: ...]`` in a block, with its line. A marker in quotes or struck through is only spoken of."""
    for number, text in enumerate(block.text.split("\n"), block.line):
        for found in _OPEN.finditer(text):
            question = found["question"].strip()
            quoted = text[found.start() - 1 : found.start()] in ("`", '"', "“") if found.start() else False
            if not (found["struck"] or quoted or _EXAMPLE.match(question)):
                yield question, number


def _line(requirement: Requirement) -> int:
    return int(requirement.source.rpartition(":")[2])


def _priority(found: re.Match[str] | None) -> str:
    if found is None:
        return "medium"
    return _PRIORITIES.get(int(found["number"] or found["short"]), "low")
