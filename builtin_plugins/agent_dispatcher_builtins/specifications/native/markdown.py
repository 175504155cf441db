"""Markdown with front matter: the same document, written as a page.

The front matter holds the short values (``title``, ``package``, ``summary``, ...). Under the heading ``Requirements`` every item of a list is a
requirement: ``- **FR-1** (high): what must be true``. Its nested items are edge cases (``Edge case: ...``), scenarios (``Given ..., when ..., then ...``)
or constraints (anything else). Fenced blocks whose info string is ``yaml`` and the name of a section (```` ```yaml entities ````) hold what would stand under that
key. All other text is for people.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.safe_load import Located, Place, front_matter, load_yaml

if TYPE_CHECKING:
    from markdown_it.tree import SyntaxTreeNode

__all__ = ["load_markdown"]

SECTIONS = ("glossary", "requirements", "tasks", "entities", "operations", "examples")

_REQUIREMENT = re.compile(r"\*\*(?P<id>[^*]+?)\*\*\s*(?:\((?P<priority>\w+)\))?\s*[:.–—-]?\s*(?P<text>.*)", re.DOTALL)
_SCENARIO = re.compile(
    r"given\s+(?P<given>.+?),?\s+when\s+(?P<when>.+?),?\s+then\s+(?P<then>.+)", re.DOTALL | re.IGNORECASE
)
_EDGE = re.compile(r"edge case:\s*(?P<text>.+)", re.DOTALL | re.IGNORECASE)


def load_markdown(text: str, source: str) -> Located:
    """The document as the tree that YAML would give.

    Raises:
        SpecificationError: no front matter, malformed YAML, a section that stands twice.
    """
    head, body, first_line = front_matter(text, source)
    if head is None:
        raise SpecificationError(
            Problem("a Markdown specification begins with front matter between two lines ---", f"{source}:1")
        )
    if not isinstance(head.value, dict):
        raise SpecificationError(Problem(f"the front matter must be a mapping, not {head.kind}", head.where))
    page = _Page(head, source, first_line)
    page.read(body)
    return head


class _Page:
    """Adds what a page holds to the mapping of its front matter."""

    def __init__(self, head: Located, source: str, first_line: int) -> None:
        self._head = head
        self._source = source
        self._first_line = first_line
        self._requirements: list[Located] = []
        self._heading = ""

    def read(self, body: str) -> None:
        from markdown_it import MarkdownIt
        from markdown_it.tree import SyntaxTreeNode

        for node in SyntaxTreeNode(MarkdownIt("commonmark").parse(body)).children:
            if node.type == "heading":
                self._heading = _inline(node).strip().lower()
            elif node.type == "fence":
                self._fence(node)
            elif node.type in ("bullet_list", "ordered_list") and self._heading == "requirements":
                for item in node.children:
                    self._requirement(item)
        if self._requirements:
            self._add("requirements", Located(tuple(self._requirements), self._requirements[0].place, self._source))

    def _line(self, node: SyntaxTreeNode) -> int:
        return self._first_line + (node.map[0] if node.map else 0)

    def _where(self, node: SyntaxTreeNode) -> str:
        return f"{self._source}:{self._line(node)}"

    def _fence(self, node: SyntaxTreeNode) -> None:
        words = node.info.split()
        if len(words) != 2 or words[0] not in ("yaml", "yml"):
            return
        section = words[1]
        if section not in SECTIONS:
            known = ", ".join(SECTIONS)
            raise SpecificationError(
                Problem(
                    f"a block of YAML for {section!r}, which is no section", self._where(node), f"known are {known}"
                )
            )
        self._add(section, load_yaml(node.content, self._source, first_line=self._line(node) + 1))

    def _add(self, section: str, content: Located) -> None:
        """Put a block under its key; several blocks of one section are joined."""
        if content.value is None:
            return
        values = self._head.value
        assert isinstance(values, dict)
        before = values.get(section)
        if before is None or before.value is None:
            values[section] = content
            self._head.keys.setdefault(section, content.place)
        elif isinstance(before.value, tuple) and isinstance(content.value, tuple):
            values[section] = Located(before.value + content.value, before.place, self._source)
        elif isinstance(before.value, dict) and isinstance(content.value, dict):
            for key in content.value:
                if key in before.value:
                    first = before.key_where(key)
                    raise SpecificationError(
                        Problem(f"{key!r} stands twice under {section}", content.key_where(key), f"first at {first}")
                    )
            before.value.update(content.value)
            before.keys.update(content.keys)
        else:
            raise SpecificationError(Problem(f"{section} is once {before.kind} and once {content.kind}", content.where))

    def _requirement(self, item: SyntaxTreeNode) -> None:
        found = _REQUIREMENT.fullmatch(_own_text(item))
        if found is None:
            raise SpecificationError(Problem("a requirement is written '- **ID** (priority): text'", self._where(item)))
        place = Place(self._line(item), 1)
        fields: dict[str, Located] = {}
        for key in ("id", "priority", "text"):
            if found[key]:
                fields[key] = self._text(found[key], place)
        for nested in (entry for node in item.children if node.type.endswith("_list") for entry in node.children):
            self._detail(fields, nested)
        self._requirements.append(Located(fields, place, self._source, keys=dict.fromkeys(fields, place)))

    def _detail(self, fields: dict[str, Located], item: SyntaxTreeNode) -> None:
        text, place = _own_text(item), Place(self._line(item), 1)
        scenario, edge = _SCENARIO.fullmatch(text), _EDGE.fullmatch(text)
        if scenario is not None:
            parts = {key: self._text(scenario[key].rstrip("."), place) for key in ("given", "when", "then")}
            self._append(fields, "scenarios", Located(parts, place, self._source, keys=dict.fromkeys(parts, place)))
        elif edge is not None:
            self._append(fields, "edge_cases", self._text(edge["text"], place))
        else:
            self._append(fields, "constraints", self._text(text, place))

    def _append(self, fields: dict[str, Located], key: str, node: Located) -> None:
        before = fields[key].value if key in fields else ()
        assert isinstance(before, tuple)
        fields[key] = Located((*before, node), node.place, self._source)

    def _text(self, text: str, place: Place) -> Located:
        return Located(text, place, self._source, text)


def _inline(node: SyntaxTreeNode) -> str:
    return "".join(child.content for child in node.children if child.type == "inline")


def _own_text(item: SyntaxTreeNode) -> str:
    """The text of a list item without its nested lists."""
    return "\n".join(_inline(node) for node in item.children if node.type == "paragraph").strip()
