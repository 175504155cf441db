"""``plan.md``: what the plan says about the means, word for word, and the programming language if it names one."""

from __future__ import annotations

import re

from attrs import define, field

from ..page import Page

__all__ = ["PlanPage", "read_plan"]

_FACT = re.compile(
    r"^\s*(?:\*\*|__)(?P<name>[^*_\n]{1,60}?)\s*[:：]?\s*(?:\*\*|__)\s*[:：]\s*(?P<value>.*)$"
    r"|^\s*(?:\*\*|__)(?P<name2>[^*_\n]{1,60}?)\s*[:：](?:\*\*|__)\s*(?P<value2>.*)$"
)
_SECTION = re.compile(
    r"technical\s+context|技術(?:的)?コンテキスト|技术(?:上下文|背景|环境)|技術背景|기술\s*(?:컨텍스트|맥락)|contexto\s+t[ée]cnico|технический\s+контекст",
    re.IGNORECASE,
)
_SUMMARY = re.compile(r"^(?:summary|概要|摘要|总结|요약|resumo|сводка|кратк\w+)", re.IGNORECASE)
_LANGUAGE = re.compile(r"language|言語|语言|語言|언어|linguagem|язык", re.IGNORECASE)
_OPEN = re.compile(r"NEEDS\s+CLARIFICATION", re.IGNORECASE)
#: How a language is written -> what language plugins call it.
_LANGUAGES = {
    "c#": "csharp",
    "c++": "cpp",
    "f#": "fsharp",
    "golang": "go",
    ".net": "csharp",
    "js": "javascript",
    "ts": "typescript",
    "node.js": "javascript",
    **{
        name: name
        for name in (
            *(
                "python",
                "typescript",
                "javascript",
                "java",
                "kotlin",
                "swift",
                "go",
                "rust",
                "ruby",
                "php",
                "scala",
                "dart",
            ),
            *(
                "elixir",
                "haskell",
                "clojure",
                "lua",
                "perl",
                "julia",
                "r",
                "c",
                "zig",
                "erlang",
                "ocaml",
                "bash",
                "solidity",
            ),
        )
    },
}
_WORD = re.compile(r"[.A-Za-z][\w.]*[#+]*")


@define
class PlanPage:
    """What ``plan.md`` says.

    Attributes:
        facts: of the technical context, in its order.
        language: as language plugins are called, ``""`` when none is named.
    """

    summary: str = ""
    facts: dict[str, str] = field(factory=dict)
    language: str = ""
    warnings: list[str] = field(factory=list)


def read_plan(page: Page) -> PlanPage:
    """Read the whole page; nothing in it can make it fail."""
    found = PlanPage()
    for index, block in enumerate(page.blocks):
        above = page.above(index)
        if not above or block.kind not in ("text", "item"):
            continue
        title = page.blocks[above[0]].flat
        if _SUMMARY.search(title) and not found.summary and block.kind == "text":
            found.summary = block.flat
        elif _SECTION.search(title):
            _facts(page, block.text, block.line, found)
    for name, value in found.facts.items():
        if _LANGUAGE.search(name) and not found.language:
            found.language = _language(value)
    return found


def _facts(page: Page, text: str, line: int, found: PlanPage) -> None:
    """``**Storage**: PostgreSQL`` on each line; a line without a name goes on with the one before."""
    current = ""
    for number, each in enumerate(text.split("\n"), line):
        fact = _FACT.match(each)
        if fact:
            current = (fact["name"] or fact["name2"]).strip()
            value = (fact["value"] if fact["name"] else fact["value2"] or "").strip()
            if current in found.facts:
                found.warnings.append(f"{page.where(number)}: {current} stands twice; only the first counts")
                current = ""
            else:
                found.facts[current] = value
        elif current:
            found.facts[current] = f"{found.facts[current]} {each.strip()}".strip()
        if _OPEN.search(each):
            found.warnings.append(f"{page.where(number)}: the plan leaves this open: {each.strip()[:120]}")


def _language(value: str) -> str:
    """The first language that a value names: ``Kotlin 1.9+ (Java 11 compatible)`` is Kotlin."""
    for word in _WORD.findall(value[:200]):
        name = _LANGUAGES.get(word.lower()) or _LANGUAGES.get(re.sub(r"[\d.]+$", "", word.lower()))
        if name and not (len(word) == 1 and word.islower()):
            return name
    return ""
