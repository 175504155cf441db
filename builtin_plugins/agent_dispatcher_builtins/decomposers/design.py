"""What design documents say a product consists of: components, entities, files, and questions still open."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from attrs import frozen

from ..specifications.page import Block, Page
from .file_tree import StatedFile, read_tree
from .wording import names, plain_text, subjects

__all__ = ["Chapter", "Design", "Part", "read_chapters", "read_design"]

_COMPONENTS = re.compile(
    r"\b(?:components?|modules?|services|packages|subsystems?|building blocks|core tables)\b|コンポーネント|モジュール|组件|模块|komponenten|composants|componentes",
    re.IGNORECASE,
)
_ENTITIES = re.compile(r"\b(?:entit(?:y|ies)|data models?|dtos?|core tables|domain models?|records)\b", re.IGNORECASE)
_FILES = re.compile(r"\b(?:structure|source code|files?|layout|impact|affected|modules?|code changes)\b", re.IGNORECASE)
_OPEN = re.compile(
    r"^(?:open (?:questions?|issues|points)|unresolved(?: questions?)?|unknowns|offene fragen|questions ouvertes)$",
    re.IGNORECASE,
)
#: Headings that name a sort of text, not a part of the product.
_NO_PART = re.compile(
    r"^(?:overview|introduction|summary|architecture|design|background|notes?|(?:key )?(?:design )?(?:decisions?|principles|rationale)|responsibilit\w+|"
    r"interfaces?|components?(?: and interfaces)?|dependenc\w+|relationships?(?: summary)?|error handling|testing(?: strategy)?|security(?: considerations)?|"
    r"performance(?: considerations)?|deployment|diagram|data flow|core (?:entities|tables)|entities|data models?|examples?|state transitions?|"
    r"cascade rules|generated columns|technology stack|requirements?|implementation|module structure|folder structure|conclusion|references)$",
    re.IGNORECASE,
)
_NO_ENTITY = re.compile(
    r"\b(?:rules?|summary|relationships?|validation|strategy|transitions?|constraints?|overview|columns|diagram|indexes|structures?)\b",
    re.IGNORECASE,
)
#: Headings under which requirements of all sorts stand.
_NO_CHAPTER = re.compile(
    r"^(?:(?:\w+[ -]){0,2}?requirements?|acceptance (?:criteria|scenarios)|edge cases|success criteria|measurable outcomes|user (?:stories|scenarios.*)|"
    r"(?:added|modified|removed|renamed) requirements|functional|non-?functional|quality|constraints|assumptions|specification|features?|scope|must|should|could|"
    r"requirement \d+|受け入れ基準|要件|requirements document|primary user story|key entities|scenarios?)$",
    re.IGNORECASE,
)
_NUMBERED = re.compile(
    r"^(?:(?:requirement|要件|story|user story|epic|feature|component|module|phase|step)\s+)?(?:[A-Z]{0,4}-?\d+(?:\.\d+)*[.):]?|[A-Z]{1,4}-?\d+:?)\s*[-–—:.]?\s+(?=\S)",
    re.IGNORECASE,
)
_STEMS = ("tasks", "todo", "checklist", "changelog", "quickstart", "research", "test-results")
_MOST_PARTS = 60
_MOST_WORDS = 80


@frozen
class Part:
    """A component or an entity.

    Attributes:
        title: as its document names it, without number and remarks.
        about: words of the title.
        further: words of what is said about it.
        names: names of code that its text uses.
        source: ``file:line`` of its heading.
    """

    title: str
    about: tuple[str, ...]
    further: tuple[str, ...]
    names: tuple[str, ...]
    source: str


@frozen
class Design:
    """What was found, in the order of the pages."""

    components: tuple[Part, ...] = ()
    entities: tuple[Part, ...] = ()
    files: tuple[StatedFile, ...] = ()
    questions: tuple[tuple[str, str], ...] = ()  # text and place


@frozen
class Chapter:
    """A heading that arranges requirements."""

    title: str
    source: str


def read_design(pages: Iterable[Page], *, repository: str = "") -> Design:
    """Everything the pages say about the product's parts; lists of tasks, checks and results are no design."""
    components: dict[str, Part] = {}
    entities: dict[str, Part] = {}
    files: dict[str, StatedFile] = {}
    questions: dict[str, str] = {}
    for page in pages:
        if posixpath.basename(page.name).lower().startswith(_STEMS) or "checklists/" in page.name:
            continue
        for part in _parts(page, _COMPONENTS):
            components.setdefault(part.title.lower(), part)
        for part in (*_parts(page, _ENTITIES), *_listed_entities(page)):
            if part.title and len(part.title.split()) <= 3 and not _NO_ENTITY.search(part.title):
                entities.setdefault("".join(part.title.lower().split()), part)
        for file in _files(page, repository):
            files.setdefault(file.path, file)
        for text, place in _open_questions(page):
            questions.setdefault(text, place)
    return Design(
        tuple(components.values())[:_MOST_PARTS],
        tuple(entities.values())[:_MOST_PARTS],
        tuple(files.values()),
        tuple(questions.items())[:_MOST_PARTS],
    )


def read_chapters(pages: Iterable[Page], sources: Iterable[str]) -> dict[str, Chapter]:
    """The innermost telling heading over each place; a place has none when only the page's title and names of sorts of text stand over it."""
    by_name = {page.name: page for page in pages}
    lines: dict[str, dict[int, Chapter]] = {}
    result = {}
    for source in sources:
        name, _, line = source.rpartition(":")
        if name in by_name and line.isdecimal():
            if name not in lines:
                lines[name] = _chapters(by_name[name])
            if int(line) in lines[name]:
                result[source] = lines[name][int(line)]
    return result


def part_title(text: str) -> str:
    """A heading without its number and remarks in brackets."""
    text = re.sub(r"[\s*_]*[（(\[{<][^)\]}>）]*[)\]}>）][\s*_]*$", "", plain_text(text))
    text = re.sub(
        r"^(?:requirement|feature|capability|component|module|entity|story|user story):\s+",
        "",
        text,
        flags=re.IGNORECASE,
    )
    return _NUMBERED.sub("", text).strip(" :*-")


def _chapters(page: Page) -> dict[int, Chapter]:
    """The chapter of every line on which a block begins."""
    found: dict[int, Chapter] = {}
    titles: dict[int, Chapter | None] = {}
    stories = _stories(page)
    for index, block in enumerate(page.blocks):
        around = [index, *page.above(index)] if block.kind == "heading" else page.above(index)
        for heading in around:
            if heading not in titles:
                titles[heading] = _chapter(page, heading, stories.get(heading, ""))
            chapter = titles[heading]
            if chapter is not None:
                found[block.line] = chapter
                break
    return found


def _chapter(page: Page, heading: int, story: str) -> Chapter | None:
    block = page.blocks[heading]
    title = part_title(block.text)
    place = page.where(block.line)
    if block.level == 1 or block.quoted:
        return None
    if re.fullmatch(r"(?:requirement|要件)\s*[\d.]*", title, re.IGNORECASE) or title.isdecimal():
        return Chapter(story, place) if story or re.search(r"\d", title) else None
    return None if not title or _NO_CHAPTER.match(title) else Chapter(title, place)


def _stories(page: Page) -> dict[int, str]:
    """What the user story right below a heading wants."""
    found: dict[int, str] = {}
    for block in page.blocks:
        if block.heading is not None and block.heading not in found and block.kind in ("text", "item"):
            match = re.search(r"\bI want (?:to |an? |the )?(.+?)(?:,? so that\b|[.]|$)", block.flat)
            if match:
                found[block.heading] = match[1].strip(" ,").capitalize() if match[1].islower() else match[1].strip(" ,")
    return found


def _parts(page: Page, wanted: re.Pattern[str]) -> Iterator[Part]:
    """Headings below those that announce parts; where there are too few, the headings below them; else list items that begin in bold."""
    blocks = page.blocks
    below: dict[int | None, list[int]] = {}
    for index, block in enumerate(blocks):
        below.setdefault(block.heading, []).append(index)
    for index, block in enumerate(blocks):
        if block.kind != "heading" or block.level == 1 or not wanted.search(plain_text(block.text)):
            continue
        parts = [each for each in below.get(index, ()) if blocks[each].kind == "heading"]
        for single in list(parts):
            finer = [each for each in below.get(single, ()) if blocks[each].kind == "heading"]
            if len(finer) > 1 and (len(parts) == 1 or wanted.search(blocks[single].text)):
                parts[parts.index(single) : parts.index(single) + 1] = finer
        for each in parts:
            title = part_title(blocks[each].text)
            if (
                title
                and not _NO_PART.match(title)
                and not wanted.search(title.split()[-1] if wanted is _ENTITIES else "")
            ):
                yield _part(page, title, each, [blocks[inner] for inner in _inside(below, each)])
        if not parts:
            for each in below.get(index, ()):
                bold = (
                    re.match(r"^\*\*([^*\n]{2,60})\*\*\s*[:–—-]", blocks[each].text)
                    if blocks[each].kind == "item" and blocks[each].level == 1
                    else None
                )
                title = part_title(bold[1].rstrip(":")) if bold else ""
                if title and not _NO_PART.match(title):
                    yield _part(page, title, each, [blocks[each]])


def _inside(below: dict[int | None, list[int]], heading: int) -> list[int]:
    found: list[int] = []
    waiting = [heading]
    while waiting:
        inner = below.get(waiting.pop(0), [])
        found += inner
        waiting += inner
    return found


def _part(page: Page, title: str, index: int, inside: list[Block]) -> Part:
    body = "\n".join(block.text for block in inside)[:20_000]
    return Part(
        title=title,
        about=tuple(subjects(title)),
        further=tuple(subjects(body)[:_MOST_WORDS]),
        names=tuple(names(f"{page.blocks[index].text}\n{body}")[:_MOST_WORDS]),
        source=page.where(page.blocks[index].line),
    )


def _listed_entities(page: Page) -> Iterator[Part]:
    """``- **Name**: ...`` below *Key Entities*."""
    for index, block in enumerate(page.blocks):
        if block.kind != "item" or block.heading is None or not _ENTITIES.search(page.blocks[block.heading].text):
            continue
        bold = re.match(r"^\*\*([^*\n]{2,60})\*\*", block.text)
        if bold:
            yield _part(page, part_title(bold[1].rstrip(":").partition("/")[0]), index, [block])


def _files(page: Page, repository: str) -> Iterator[StatedFile]:
    announced: dict[int | None, str] = {}  # the paragraph in bold before a list (*Affected code:*)
    for block in page.blocks:
        if block.kind == "text":
            announced[block.heading] = block.text if block.text.startswith("**") else ""
        heading = plain_text(page.blocks[block.heading].text) if block.heading is not None else ""
        if block.kind == "fence":
            if "documentation" not in heading.lower():
                yield from (
                    each
                    for each in read_tree(block.text, page.name, block.line + 1, repository=repository)
                    if not each.path.startswith(("specs/", "docs/specs/", ".kiro/", "openspec/", ".specify/"))
                )
        elif block.kind in ("item", "row") and (
            _FILES.search(heading) or _FILES.search(announced.get(block.heading, ""))
        ):
            for match in re.finditer(r"`((?:[\w.@-]+/)+[\w@-][\w.@-]*\.\w{1,8})`", block.text):
                yield StatedFile(match[1], plain_text(block.text.replace(match[0], "", 1)), page.where(block.line))


def _open_questions(page: Page) -> Iterator[tuple[str, str]]:
    for block in page.blocks:
        if block.kind != "item" or block.level != 1 or block.heading is None:
            continue
        settled = re.match(r"(?i)(?:\[x\]|~~|none\b|n/a\b)", block.text)
        if _OPEN.match(part_title(page.blocks[block.heading].text)) and not settled:
            yield plain_text(re.sub(r"^\[ \]\s*", "", block.text)), page.where(block.line)
