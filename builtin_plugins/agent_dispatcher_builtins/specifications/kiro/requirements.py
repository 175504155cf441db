"""``requirements.md`` and ``bugfix.md``: requirements with their acceptance criteria, the glossary, and what the whole is about.

An acceptance criterion is a requirement of its own, called as tasks call it: the third of requirement 2 is ``2.3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from attrs import define, evolve, field

from agent_dispatcher.models import Requirement, Scenario

from ..checklist import shortened
from ..page import Block, Page

__all__ = ["RequirementsPage", "described_by_properties", "read_requirements"]

_WORD = r"(?:requirement|req\.?|要件|要求(?:事項)?|需求|요구\s*사항|요구|requisito|anforderung|exigence|requerimiento|требование)"
_HEADING = re.compile(
    rf"^[\W_]*(?:{_WORD}\s*[#:]?\s*(?:[A-Z]{{1,5}}-?)?|[A-Z]{{1,5}}-?)?(?P<number>\d{{1,4}}(?:\.\d{{1,4}})*)(?![\w%])[\s:：.)—–-]*(?P<title>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NAMED_HEADING = re.compile(rf"^[\W_]*{_WORD}", re.IGNORECASE)
_REQUIREMENTS = re.compile(
    rf"^[\W_\d]*(?:functional\s+)?{_WORD}s?\b|^[\W_\d]*(?:機能)?要件|^[\W_\d]*(?:功能)?需求|^[\W_\d]*требования",
    re.IGNORECASE,
)
_CRITERIA = re.compile(
    r"acceptance\s+criteri|受け?入れ?(?:基準|条件)|验收(?:标准|条件)|驗收(?:標準|條件)|인수\s*(?:조건|기준)|수락\s*기준"
    r"|crit[ée]rios?\s+de\s+aceita[çc]|criterios\s+de\s+aceptaci|критерии\s+при[её]мки|akzeptanzkriterien|critères\s+d['’]acceptation",
    re.IGNORECASE,
)
_STORY = re.compile(
    r"^\s*(?:\*\*|__)?\s*(?:user\s+story|objective|goal|ユーザー?ストーリー|目的|用户故事|用戶故事|使用者故事|목표|사용자\s*스토리|hist[óo]ria\s+d[eo]\s+usu[áa]rio"
    r"|пользовательская\s+история|цель)\s*(?:\*\*|__)?\s*[:：]\s*(?:\*\*|__)?\s*(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_GLOSSARY = re.compile(r"glossary|用語|术语|術語|词汇|용어|gloss[áa]rio|глоссарий|термин", re.IGNORECASE)
_INTRODUCTION = re.compile(
    r"^[\W_\d]*(?:introduction|overview|summary|はじめに|概要|紹介|介绍|介紹|引言|概述|简介|소개|개요|introdu[çc][ãa]o|vis[ãa]o\s+geral|введение|обзор)",
    re.IGNORECASE,
)
_QUALITIES = re.compile(
    r"non-?\s?functional|非機能|非功能|비기능|n[ãa]o\s+funciona|нефункциональн|technical\s+constraints?", re.IGNORECASE
)
_TERM = re.compile(
    r"^\s*(?:\*\*|__|`)(?P<name>[^*_`\n]{1,80}|[\w ]{1,80})(?:\*\*|__|`)\s*[:：–—-]*\s*(?P<text>.*)$", re.DOTALL
)
_DOTTED = re.compile(r"^\s*(?:[-*]\s+)?(?:\*\*)?(?P<id>\d{1,4}\.\d{1,4})(?:\*\*)?[.):]?\s+(?P<text>\S.*)$", re.DOTALL)
_BUG = re.compile(
    r"current\s+behaviou?r|現在の(?:挙動|動作)|当前行为|當前行為|현재\s*동작|comportamento\s+atual|текущее\s+поведение",
    re.IGNORECASE,
)
_TITLE = re.compile(
    r"^(?:bugfix\s+)?requirements?(?:\s+(?:document|specification))?\s*[:：–—-]*\s*|[\s:：–—-]*\b(?:bugfix\s+)?requirements?(?:\s+(?:document|specification))?$"
    r"|^(?:要件定義書?|要求仕様書?|需求(?:文档|文檔|规格)?|요구사항(?:\s*문서)?|документ\s+требований|требования)\s*[:：–—-]*\s*$",
    re.IGNORECASE,
)
_PROPERTY = re.compile(
    r"^[\W_]*(?:property|プロパティ|属性|속성)\s*(?P<number>\d{1,4})\s*[:：.–—-]?\s*(?P<name>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_VALIDATES = re.compile(r"validates?\s*[:：]?\s*(?:\*\*|__)?\s*[:：]?\s*(?P<value>.*)$", re.IGNORECASE | re.DOTALL)
_SUMMARY = 1500
_LONGEST = 8000


@define
class RequirementsPage:
    """What the page says.

    Attributes:
        numbers: number of a requirement -> ids of its criteria, its own id where it has none.
        mended: id of a description of a fault -> id of the requirement that says what is right instead.
    """

    title: str = ""
    summary: str = ""
    requirements: list[Requirement] = field(factory=list)
    numbers: dict[str, list[str]] = field(factory=dict)
    mended: dict[str, str] = field(factory=dict)
    glossary: dict[str, str] = field(factory=dict)
    facts: dict[str, str] = field(factory=dict)
    warnings: list[str] = field(factory=list)


@define
class _Open:
    """A requirement while it is read."""

    number: str
    title: str
    line: int
    level: int
    story: str = ""
    told: list[str] = field(factory=list)
    points: list[str] = field(factory=list)
    criteria: list[Requirement] = field(factory=list)


def read_requirements(page: Page) -> RequirementsPage:
    """Read the whole page; nothing in it can make it fail."""
    return _Reader(page).read()


class _Reader:
    def __init__(self, page: Page) -> None:
        self._page = page
        self._found = RequirementsPage()
        self._open: _Open | None = None
        self._ids: dict[str, Requirement] = {}
        self._taken: set[str] = set()
        self._faults: dict[str, str] = {}

    def read(self) -> RequirementsPage:
        for index, block in enumerate(self._page.blocks):
            if block.kind in ("html", "fence") or block.quoted:
                continue
            if block.kind == "heading":
                self._heading(block)
            else:
                self._block(index, block)
        self._close()
        self._mend()
        self._found.requirements = list(self._ids.values())
        self._found.warnings = list(shortened(self._found.warnings))
        return self._found

    # --- headings

    def _heading(self, block: Block) -> None:
        text = block.flat.strip(" *_")
        if block.level == 1:
            if not self._found.title:
                self._found.title = _TITLE.sub("", text).strip(" *:：–—-")
            return
        if _CRITERIA.search(text):
            return
        found = _HEADING.match(text[:_LONGEST])
        if found and (_NAMED_HEADING.match(text) or self._under_requirements(block)):
            self._close()
            number, title = found["number"], found["title"].strip(" *_:：")
            if number in self._found.numbers:
                self._warn(block, f"requirement {number} stands twice; both are taken together")
            self._open = _Open(number, title, block.line, block.level)
        elif self._open is not None and block.level <= self._open.level:
            self._close()

    def _under_requirements(self, block: Block) -> bool:
        return block.heading is not None and bool(_REQUIREMENTS.match(self._page.blocks[block.heading].flat))

    # --- everything else

    def _block(self, index: int, block: Block) -> None:
        above = [self._page.blocks[each].flat for each in self._page.above(index)]
        section = above[0] if above else ""
        dotted = [(n, m) for n, line in enumerate(block.text.split("\n")) if (m := _DOTTED.match(line[:_LONGEST]))]
        if self._open is not None:
            self._of_requirement(block, section, dotted)
        elif any(_GLOSSARY.search(each) for each in above):
            self._term(block)
        elif dotted and not any(_INTRODUCTION.match(each) for each in above):
            self._dotted(block, dotted, bool(_BUG.search(section)))
        elif block.kind == "item" and block.number and block.level == 1 and any(map(_REQUIREMENTS.match, above)):
            self._add(block.number, block.flat, block, ())
            self._found.numbers.setdefault(block.number, []).append(block.number)
        elif any(_QUALITIES.search(each) for each in above) and block.kind in ("item", "text"):
            name = section.strip(" *_:：")
            self._found.facts[name] = "; ".join(filter(None, [self._found.facts.get(name, ""), block.flat]))[:_LONGEST]
        elif any(_INTRODUCTION.match(each) for each in above[:1]) and block.kind == "text":
            together = f"{self._found.summary} {block.flat}".strip()
            self._found.summary = together if len(together) <= _SUMMARY else self._found.summary or together[:_SUMMARY]

    def _of_requirement(self, block: Block, section: str, dotted: list[tuple[int, re.Match[str]]]) -> None:
        opened = self._open
        assert opened is not None
        story = _STORY.match(block.text[:_LONGEST])
        under_criteria = bool(_CRITERIA.search(section))
        if story and block.kind in ("text", "item"):
            lines = story["text"].split("\n")
            opened.story = " ".join(" ".join(lines).split())
        elif dotted and (under_criteria or block.kind == "item" or len(dotted) > 1):
            for offset, found in dotted:
                self._criterion(opened, found["id"], " ".join(found["text"].split()), block.line + offset)
        elif block.kind == "item" and block.level > 1 and opened.criteria:
            self._goes_on(opened, block)
        elif block.kind == "item" and block.number:
            self._criterion(opened, f"{opened.number}.{block.number}", block.flat, block.line)
        elif block.kind == "item" and under_criteria:
            self._criterion(opened, f"{opened.number}.{len(opened.criteria) + 1}", _unboxed(block.flat), block.line)
        elif block.kind == "text" and opened.criteria and block.item is not None:
            self._goes_on(opened, block)
        elif block.kind in ("item", "row"):
            opened.points.append(block.flat)
        elif block.kind == "text" and not _CRITERIA.search(block.text[:80]):
            opened.told.append(block.flat)

    def _criterion(self, opened: _Open, name: str, text: str, line: int) -> None:
        if name in self._taken:
            number = len(opened.criteria) + 1
            while f"{opened.number}.{number}" in self._taken:
                number += 1
            other = f"{opened.number}.{number}"
            where = self._page.where(line)
            self._found.warnings.append(f"{where}: criterion {name} stands twice; this one is called {other}")
            name = other
        self._taken.add(name)
        opened.criteria.append(Requirement(id=name, text=text, source=self._page.where(line)))

    def _goes_on(self, opened: _Open, block: Block) -> None:
        last = opened.criteria[-1]
        opened.criteria[-1] = evolve(last, text=f"{last.text} {block.flat}"[:_LONGEST])

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is None:
            return
        ids = self._found.numbers.setdefault(opened.number, [])
        where = self._page.where(opened.line)
        story = (Scenario(title=opened.story, source=where),) if opened.story else ()
        for criterion in opened.criteria:
            self._ids[criterion.id] = evolve(criterion, scenarios=story, constraints=tuple(opened.points))
            ids.append(criterion.id)
        if not opened.criteria and opened.number not in self._ids:
            told = opened.story or " ".join(opened.told)
            text = ": ".join(filter(None, [opened.title, told])) or "; ".join(opened.points)
            if not text:
                self._found.warnings.append(f"{where}: requirement {opened.number} says nothing")
                return
            self._add(opened.number, text[:_LONGEST], None, tuple(opened.points), where)
            ids.append(opened.number)

    def _add(self, name: str, text: str, block: Block | None, constraints: tuple[str, ...], where: str = "") -> None:
        where = where or (self._page.where(block.line) if block else "")
        if name in self._ids:
            self._found.warnings.append(
                f"{where}: {name} stands twice (the first: {self._ids[name].source}); only the first counts"
            )
            return
        self._ids[name] = Requirement(id=name, text=text, constraints=constraints, source=where)

    def _dotted(self, block: Block, lines: list[tuple[int, re.Match[str]]], fault: bool) -> None:
        """Lines with ids of their own: of a bugfix what is, what is to be, and what is to stay."""
        for offset, found in lines:
            name, text = found["id"], " ".join(found["text"].split())
            if fault:
                self._faults[name] = text
                continue
            self._add(name, text, None, (), self._page.where(block.line + offset))
            self._found.numbers.setdefault(name.partition(".")[0], []).append(name)

    def _mend(self) -> None:
        """What is wrong today is no requirement: the one that says what is right instead knows of it."""
        by_part: dict[str, str] = {}
        for name in self._ids:
            by_part.setdefault(name.partition(".")[2], name)
        for name, text in self._faults.items():
            right = by_part.get(name.partition(".")[2])
            if right is not None:
                self._found.mended[name] = right
                known = self._ids[right]
                self._ids[right] = evolve(known, edge_cases=(*known.edge_cases, f"Today: {text}"))

    def _term(self, block: Block) -> None:
        found = _TERM.match(block.text[:_LONGEST]) if block.kind in ("item", "text") else None
        if found and found["text"].strip():
            self._found.glossary.setdefault(found["name"].strip(" :："), " ".join(found["text"].split()))
        elif block.kind == "row" and len(block.cells) >= 2 and block.cells[0] and not set(block.cells[1]) <= set("-: "):
            self._found.glossary.setdefault(block.cells[0].strip("*`_ "), block.cells[1])

    def _warn(self, block: Block, what: str) -> None:
        self._found.warnings.append(f"{self._page.where(block.line)}: {what}")


def _unboxed(text: str) -> str:
    return re.sub(r"^\[[ xX]?\]\s*", "", text)


# --- properties of the design ---------------------------------------------------------------------------------------


def described_by_properties(
    page: Page, requirements: list[Requirement], resolve: Mapping[str, list[str]]
) -> list[Requirement]:
    """The requirements with the properties that the design says to validate them, as constraints.

    Args:
        page: ``design.md``.
        resolve: how a number is meant: id -> ids.
    """
    added: dict[str, list[str]] = {}
    for text, value in _properties(page):
        for name in re.findall(r"\d+(?:\.\d+)?", value):
            for known in resolve.get(name, ()):
                if text not in added.setdefault(known, []):
                    added[known].append(text)
    return [
        evolve(each, constraints=(*each.constraints, *added[each.id])) if each.id in added else each
        for each in requirements
    ]


def _properties(page: Page) -> Iterator[tuple[str, str]]:
    """Each property on one line, and what it validates."""
    parts: list[str] = []
    for block in page.blocks:
        if block.kind == "heading":
            found = _PROPERTY.match(block.flat[:_LONGEST])
            parts = [_named(found)] if found else []
            continue
        if block.kind not in ("text", "item"):
            continue
        for line in block.text.split("\n"):
            plain = line.strip().strip("*_ ")
            found = _PROPERTY.match(plain[:_LONGEST]) if plain else None
            if found:
                parts = [_named(found)]
                continue
            validates = _VALIDATES.match(plain[:_LONGEST])
            if validates and parts:
                yield " ".join(" ".join(parts).split())[:_LONGEST], validates["value"]
                parts = []
            elif parts and plain:
                parts.append(plain)


def _named(found: re.Match[str]) -> str:
    name = found["name"].strip(" *_:：")
    return f"Property {found['number']} ({name}):" if name else f"Property {found['number']}:"
