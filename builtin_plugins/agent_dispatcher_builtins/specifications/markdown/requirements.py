"""What a document requires: what it labels with ids, and sentences that say *must* or *shall*, or stand in a list of requirements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from attrs import define, field, frozen

from agent_dispatcher.models import Requirement

from ..page import Block, Page
from ..spec_kit.requirements import read_spec
from ..spec_kit.tasklines import BOX
from .outline import Outline
from .sections import Sections

__all__ = ["Found", "Placed", "read_requirements", "serving"]

_MUST = re.compile(
    r"\b(?:must|shall|is\s+required\s+to|are\s+required\s+to|has\s+to|have\s+to)\b|しなければならない|なければならない|必須|必须|必須|해야\s*(?:한다|합니다)|\bdeve(?:m|rá|rão)?\b|\bдолж(?:ен|на|но|ны)\b|\bm(?:uss|üssen)\b|\bsoll(?:en)?\b|\bd(?:arf|ürfen)\s+(?:nicht|keine?[nrms]?|nur)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?。！？])\s+(?=[^\s\d)])")
_PRIORITY = re.compile(
    r"[\[(](?:priority:?\s*)?(P[0-4]|critical|high|medium|low|must|should|could)[\])]", re.IGNORECASE
)
_PRIORITIES = {
    "p0": "critical",
    "critical": "critical",
    "p1": "high",
    "high": "high",
    "must": "high",
    "p3": "low",
    "p4": "low",
    "low": "low",
    "could": "low",
}
#: A name that an author may have given.
_ID = re.compile(r"(?<![\w-])[A-Z]{1,6}(?:-[A-Z]{1,6})*-?\d+(?:\.\d+)*[a-z]?(?!\w|-\d|\.\d)")
#: Signs of Markdown, but for those of code (`__main__.py`).
_EMPHASIS = re.compile(r"(`[^`\n]*`)|\*\*|__|~~")
_CELL = re.compile(r"[`\[(]*[A-Z]{1,6}-?\d{1,4}(?:\.\d+)*[`\])]*$")
#: One in front of a requirement that is listed as such: ``R1: ...``, ``G-3 ...``.
_OWN = re.compile(
    r"^[`\[(]*(?P<id>[A-Z]{1,6}-?\d{1,4}(?:\.\d+)*)[`\])]*\s*(?::|\.\s|\)\s|\s[-–—|]\s)\s*(?P<text>\S.*)$", re.DOTALL
)
#: What the reader of spec-kit calls a story without a number.
_LONELY = "US0"
_FEWEST_WORDS = 3
_LONGEST = 8000


@frozen
class Placed:
    """A requirement with the block it stands in, and whether its author gave it its id."""

    requirement: Requirement
    block: int
    named: bool


@define
class Found:
    """What was found."""

    requirements: list[Placed] = field(factory=list)
    title: str = ""
    glossary: dict[str, str] = field(factory=dict)
    questions: list[str] = field(factory=list)
    warnings: list[str] = field(factory=list)


def read_requirements(page: Page, sections: Sections, outline: Outline) -> Found:
    """Read the whole page but for what belongs to tasks; nothing in it can make it fail."""
    spec = read_spec(page)
    blocks = {page.where(block.line): index for index, block in reversed(list(enumerate(page.blocks)))}
    found = Found(title=spec.title, glossary=spec.entities, questions=spec.questions, warnings=spec.warnings)
    taken: set[int] = set()
    for requirement in spec.requirements:
        index = blocks.get(requirement.source, -1)
        if requirement.id == _LONELY and not any(each.given or each.when for each in requirement.scenarios):
            continue  # criteria without a story: they are read below, each for itself
        if index in outline.entries or (index >= 0 and sections.of(index) == "left out"):
            continue
        taken.add(index)
        found.requirements.append(Placed(requirement, index, named=True))
    ids = {each.requirement.id for each in found.requirements}
    for index, text, constraints in _sentences(page, sections, outline, taken):
        own = _OWN.match(text)
        named = bool(own and own["id"] not in ids and sections.of(index) == "requirements")
        if own and named:
            text = own["text"]
        name = own["id"] if own and named else _name(text, ids)
        if name is None:
            continue
        ids.add(name)
        priority = _PRIORITY.search(text)
        found.requirements.append(
            Placed(
                Requirement(
                    id=name,
                    text=text,
                    priority=_PRIORITIES.get(priority[1].lower(), "medium") if priority else "medium",
                    constraints=constraints,
                    source=page.where(page.blocks[index].line),
                ),
                index,
                named=named,
            )
        )
    found.requirements.sort(key=lambda each: page.blocks[each.block].line if each.block >= 0 else 0)
    return found


def _sentences(
    page: Page, sections: Sections, outline: Outline, taken: set[int]
) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Block, text and what hangs on it, of everything that has no id of its own."""
    below: dict[int, list[str]] = {}
    for block in page.blocks:
        if block.item is not None and block.kind in ("item", "text"):
            below.setdefault(block.item, []).append(_plain(block.text))
    for index, block in enumerate(page.blocks):
        if index in taken or index in outline.entries or block.quoted or block.kind not in ("item", "text", "row"):
            continue
        section = sections.of(index)
        if section in ("left out", "about") or _belongs(page, outline, taken, index, block):
            continue
        listed = block.kind == "item" and section in ("requirements", "criteria")
        if listed and block.item is None:
            yield index, _plain(block.text), tuple(below.get(index, ()))
        elif not (listed and block.item is not None):
            cells = [_plain(each) for each in block.cells]
            if block.kind == "row" and section == "requirements" and _CELL.match(cells[0]) and any(cells[1:]):
                yield index, f"{cells[0]}: {': '.join(filter(None, cells[1:]))}", ()
            else:
                yield from ((index, text, rest) for text, rest in _asking(block))


def _asking(block: Block) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The sentences of a block that ask for something, of a paragraph each with those behind it that only say more."""
    found: list[tuple[str, list[str]]] = []
    for sentence in _SENTENCE.split(_plain(block.text)):
        if _MUST.search(sentence):
            found.append((sentence.strip(), []))
        elif found and block.kind == "text":
            found[-1][1].append(sentence.strip())
    for text, more in found:
        yield text, tuple(more)


def _belongs(page: Page, outline: Outline, taken: set[int], index: int, block: Block) -> bool:
    """Whether a block is a detail of a task, or of a requirement that was read with all that hangs on it."""
    if index in outline.criteria:
        return False
    if outline.owner(page, index) is not None or block.item in taken:
        return True
    return any(at in taken for at in page.above(index))


def _plain(text: str) -> str:
    box = BOX.match(text)
    text = text[box.end() if box else 0 :][:_LONGEST]
    return " ".join(_EMPHASIS.sub(lambda found: found[1] or "", text).split())


def _name(text: str, taken: set[str]) -> str | None:
    """``R-`` and the beginning of a hash of the text, so that it stays when others come and go; ``None`` for what says nothing, or was said before."""
    if len(text.split()) < _FEWEST_WORDS and text.isascii():
        return None
    digest = sha256(text.encode()).hexdigest()
    name = f"R-{digest[:4]}"
    return None if name in taken else name


def serving(sections: Sections, placed: Sequence[Placed], blocks: Sequence[tuple[int, str]]) -> dict[int, list[str]]:
    """Block of a task to the requirements it serves: those whose id it names, those of the subject it is listed under, and
    acceptance criteria that are about no subject, as they are about everything.

    Args:
        placed: the requirements.
        blocks: block of each task, and all that is said about it.
    """
    found: dict[int, list[str]] = {}
    subjects: dict[int, list[str]] = {}
    common: list[str] = []
    for each in placed:
        subject = sections.subject(each.block) if each.block >= 0 else None
        if subject is not None:
            subjects.setdefault(subject, []).append(each.requirement.id)
        elif each.block >= 0 and sections.of(each.block) == "criteria":
            common.append(each.requirement.id)
    named = {each.requirement.id for each in placed if each.named}
    for block, text in blocks:
        own = [name for name in _ID.findall(text) if name in named]
        own += subjects.get(block, [])
        subject = sections.subject(block)
        own += subjects.get(subject, []) if subject is not None else []
        found[block] = list(dict.fromkeys([*own, *common]))
    return found
