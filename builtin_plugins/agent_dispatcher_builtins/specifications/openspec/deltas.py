"""What a change makes of the requirements: those it adds, changes, takes away and renames, with their scenarios."""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import define, evolve, field

from agent_dispatcher.models import Requirement, Scenario

from ..page import Block, Page

__all__ = ["Deltas", "read_deltas"]

_SECTION = re.compile(
    r"^\W*(?P<kind>added|modified|removed|renamed|新增|修改|移除|删除|重命名|追加|変更|削除)\s*(?:requirements?|需求|要件|要求)?\W*$",
    re.IGNORECASE,
)
_KINDS = {
    "新增": "added",
    "修改": "modified",
    "移除": "removed",
    "删除": "removed",
    "重命名": "renamed",
    "追加": "added",
    "変更": "modified",
    "削除": "removed",
}
_REQUIREMENT = re.compile(
    r"^\W*(?:requirement|需求|要件|要求|요구사항|requisito|требование)\s*[:：]\s*(?P<name>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_SCENARIO = re.compile(
    r"^\W*(?:scenario|场景|場景|シナリオ|시나리오|cen[áa]rio|сценарий)\s*(?:\d+\s*)?[:：]\s*(?P<name>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_STEP = re.compile(
    r"^\s*[*_]*(?P<word>given|when|then|and|but|前提|假设|当|當|那么|那麼|则|則|并且|而且|もし|ならば|かつ|дано|когда|тогда|и|dado|quando|então|e)[*_]*(?:\s*[:：,，]\s*|\s+|(?<=[*_]))(?P<text>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_WORDS = {
    **dict.fromkeys(("given", "前提", "假设", "дано", "dado"), "given"),
    **dict.fromkeys(("when", "当", "當", "もし", "когда", "quando"), "when"),
    **dict.fromkeys(("then", "那么", "那麼", "则", "則", "ならば", "тогда", "então"), "then"),
}
_RENAMED = re.compile(
    r"^\s*(?P<side>from|to)\s*[:：]\s*`?#*\s*(?:requirement\s*:\s*)?(?P<name>[^`]+?)`?\s*$", re.IGNORECASE
)
_LABELLED = re.compile(
    r"^\s*[*_]*(?P<label>reason|migration|原因|迁移|理由|移行)[*_]*\s*[:：][*_]*\s*(?P<text>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_LABEL_BEGINS = re.compile(r"\n(?=\s*[*_]+[^*_\n]{1,20}[*_]+\s*[:：]|\s*[*_]+[^*_\n]{1,20}[:：][*_]+)")
#: How the text of a requirement begins that was only renamed.
_RENAMES = "The requirement known as"
_LONGEST = 8000


@define
class Deltas:
    """All that the files say.

    Attributes:
        requirements: an id is the requirement's name, behind that of the capability where two have one name.
    """

    requirements: list[Requirement] = field(factory=list)
    warnings: list[str] = field(factory=list)


@define
class _Open:
    name: str
    kind: str
    line: int
    told: list[str] = field(factory=list)
    notes: list[str] = field(factory=list)
    scenarios: list[Scenario] = field(factory=list)
    steps: list[tuple[str, str]] = field(factory=list)
    title: str = ""
    scenario_line: int = 0


def read_deltas(pages: Iterable[tuple[str, Page]]) -> Deltas:
    """Read the pages.

    Args:
        pages: name of the capability and its page.
    """
    found = Deltas()
    by_name: dict[str, dict[str, Requirement]] = {}
    for capability, page in pages:
        for requirement in _Reader(page, found.warnings).read():
            own = by_name.setdefault(requirement.id, {})
            known = own.get(capability)
            if known is not None and not (_is_rename(known) or _is_rename(requirement)):
                found.warnings.append(
                    f"{requirement.source}: {requirement.id!r} stands twice (the first: {known.source}); only the first counts"
                )
            elif known is not None:  # renamed, and changed as well
                old, new = (known, requirement) if _is_rename(known) else (requirement, known)
                own[capability] = evolve(new, constraints=(*new.constraints, old.text))
            else:
                own[capability] = requirement
    for name, own in by_name.items():
        for capability, requirement in own.items():
            found.requirements.append(evolve(requirement, id=name if len(own) == 1 else f"{capability}: {name}"))
    return found


def _is_rename(requirement: Requirement) -> bool:
    return requirement.text.startswith(_RENAMES)


class _Reader:
    def __init__(self, page: Page, warnings: list[str]) -> None:
        self._page = page
        self._warnings = warnings
        self._found: list[Requirement] = []
        self._open: _Open | None = None
        self._kind = ""
        self._from: tuple[str, int] | None = None

    def read(self) -> list[Requirement]:
        for block in self._page.blocks:
            if block.kind in ("html", "fence") or block.quoted:
                continue
            if block.kind == "heading":
                self._heading(block)
            elif self._kind == "renamed" and self._open is None:
                self._renamed(block)
            elif self._open is not None:
                self._of_requirement(self._open, block)
        self._close()
        if not self._found:
            self._warnings.append(f"{self._page.where(1)}: there is no requirement in it")
        return self._found

    def _heading(self, block: Block) -> None:
        text = block.flat
        section, requirement, scenario = _SECTION.match(text), _REQUIREMENT.match(text), _SCENARIO.match(text)
        if section and block.level <= 3:
            self._close()
            word = section["kind"].lower()
            self._kind = _KINDS.get(word, word)
        elif requirement:
            self._close()
            self._open = _Open(requirement["name"].strip(" *`_"), self._kind or "added", block.line)
        elif scenario and self._open is not None:
            self._end_scenario(self._open)
            self._open.title, self._open.scenario_line = scenario["name"].strip(" *`"), block.line
        elif block.level <= 2:
            self._close()
            self._kind = ""

    def _of_requirement(self, opened: _Open, block: Block) -> None:
        if opened.title:
            for line in re.split(r"\n(?=\s*[*_]*(?:GIVEN|WHEN|THEN|AND|BUT)\b)", block.text[:_LONGEST]):
                self._step(opened, " ".join(line.split()))
            return
        if _LABELLED.match(block.text[:_LONGEST]):
            for part in _LABEL_BEGINS.split(block.text[:_LONGEST]):
                label = _LABELLED.match(part)
                if label:
                    opened.notes.append(" ".join(f"{label['label'].capitalize()}: {label['text']}".split()))
        elif block.kind == "text" and block.item is None:
            opened.told.append(block.flat)
        elif block.kind in ("item", "text", "row"):
            opened.notes.append(block.flat)

    def _step(self, opened: _Open, line: str) -> None:
        found = _STEP.match(line)
        if found is None:
            if opened.steps:
                word, text = opened.steps[-1]
                opened.steps[-1] = (word, f"{text} {line}".strip())
            elif line:
                opened.steps.append(("then", line))
            return
        word = _WORDS.get(found["word"].lower(), "")
        opened.steps.append((word or (opened.steps[-1][0] if opened.steps else "then"), found["text"].strip(" *,，")))

    def _end_scenario(self, opened: _Open) -> None:
        if not opened.title:
            return
        parts = {
            part: tuple(text for word, text in opened.steps if word == part and text)
            for part in ("given", "when", "then")
        }
        where = self._page.where(opened.scenario_line)
        if not opened.steps:
            self._warnings.append(f"{where}: the scenario {opened.title!r} says nothing")
        opened.scenarios.append(Scenario(title=opened.title, source=where, **parts))
        opened.title, opened.steps = "", []

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is None:
            return
        self._end_scenario(opened)
        where = self._page.where(opened.line)
        text = " ".join(opened.told)
        if opened.kind == "removed":
            text = " ".join(filter(None, [f"No longer: {opened.name}.", text]))
        elif not text:
            text = opened.name
            if not opened.scenarios:
                self._warnings.append(f"{where}: the requirement {opened.name!r} says nothing")
        self._found.append(
            Requirement(
                id=opened.name,
                text=text[:_LONGEST],
                scenarios=tuple(opened.scenarios),
                constraints=tuple(opened.notes),
                source=where,
            )
        )

    def _renamed(self, block: Block) -> None:
        for number, line in enumerate(block.text.split("\n"), block.line):
            found = _RENAMED.match(line[:_LONGEST])
            if found is None:
                continue
            name = found["name"].strip(" *_")
            if found["side"].lower() == "from":
                self._from = (name, number)
            elif self._from is not None:
                old, at = self._from
                text = f'{_RENAMES} "{old}" is called "{name}" from now on.'
                self._found.append(Requirement(id=name, text=text, source=self._page.where(at)))
                self._from = None
            else:
                self._warnings.append(
                    f"{self._page.where(number)}: {name!r} is a new name, but of what is not said: ignored"
                )
