"""``proposal.md`` and ``.openspec.yaml``: what the change is about, and by which schema it was written."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import define, field

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.safe_load import load_yaml, read_text

from ..page import Page

__all__ = ["MARK", "Proposal", "read_mark", "read_proposal"]

MARK = ".openspec.yaml"
_TITLE = re.compile(r"^(?:change(?:\s+proposal)?|proposal|提案|变更提案|変更提案)\s*[:：–—-]*\s*", re.IGNORECASE)
_WHY = re.compile(
    r"^[\W_\d]*(?:why|summary|motivation|problem|intent|为什么|為什麼|动机|背景|なぜ|動機|概要|왜|배경|por\s+qu[eê]|motiva[çc][ãa]o|зачем|почему)",
    re.IGNORECASE,
)
_FACTS = {
    "Impact": re.compile(r"^[\W_\d]*(?:impact|影响|影響|영향|impacto|влияние)", re.IGNORECASE),
    "Non-goals": re.compile(r"^[\W_\d]*(?:non-?goals|out\s+of\s+scope|非目标|非目標)", re.IGNORECASE),
}
_BREAKING = re.compile(r"\*\*BREAKING\*\*|\bBREAKING\b")
_SUMMARY = 1500
_LONGEST = 4000


@define
class Proposal:
    """What the page says."""

    title: str = ""
    summary: str = ""
    facts: dict[str, str] = field(factory=dict)


def read_proposal(page: Page) -> Proposal:
    """Read the whole page; nothing in it can make it fail."""
    found = Proposal()
    breaking: list[str] = []
    for index, block in enumerate(page.blocks):
        if block.kind == "heading":
            if block.level == 1 and not found.title:
                title = _TITLE.sub("", block.flat).strip(" *`")
                found.title = title
            continue
        if block.kind not in ("text", "item"):
            continue
        if _BREAKING.search(block.text):
            breaking.append(block.flat)
        above = [page.blocks[each].flat for each in page.above(index)]
        if block.kind == "text" and block.item is None and any(map(_WHY.match, above)):
            together = f"{found.summary} {block.flat}".strip()
            found.summary = together if len(together) <= _SUMMARY else found.summary or together[:_SUMMARY]
        for name, pattern in _FACTS.items():
            if any(map(pattern.match, above)):
                found.facts[name] = "; ".join(filter(None, [found.facts.get(name, ""), block.flat]))[:_LONGEST]
    if breaking:
        found.facts["Breaking"] = "; ".join(breaking)[:_LONGEST]
    return found


def read_mark(folder: Path) -> list[str]:
    """What is odd about ``.openspec.yaml``. It says nothing about the work, so a damaged one is only told."""
    path = folder / MARK
    if not path.is_file():
        return []
    try:
        root = load_yaml(read_text(path, name=MARK), MARK)
    except UsageError as error:
        return [f"{error}: not used"]
    except SpecificationError as error:
        return [f"{problem}: not used" for problem in error.problems]
    if not isinstance(root.value, dict):
        return [] if root.value is None else [f"{root.where}: this is {root.kind}, not a mapping: not used"]
    schema = root.value.get("schema")
    if schema is None:
        return []
    if not isinstance(schema.value, str):
        return [f"{schema.where}: schema is {schema.kind}, not a text: not used"]
    if schema.value != "spec-driven":
        return [f"{schema.where}: the schema {schema.value!r} is not known: the change is read as one of spec-driven"]
    return []
