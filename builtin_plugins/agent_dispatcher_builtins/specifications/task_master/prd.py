"""What the document beside the tasks says about the whole: a title, a summary, and requirements if tasks name them.

A product requirements document is prose. Only what it labels with an id of its own (``FR-3: ...``) is a requirement, and only if some
task names such an id: else nobody could say which task serves which, and every one of them would end as *not implemented*.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from attrs import evolve, frozen

from agent_dispatcher.models import Requirement, Task
from agent_dispatcher.safe_load import read_text

__all__ = ["Document", "read_document", "serving"]

_LABEL = re.compile(r"((?:FR|NFR|REQ|SR|BR|UR|US)[-_ ]?\d+(?:\.\d+)*)\s*[:.)\u2013\u2014-]*\s+(\S.*)", re.DOTALL)
_LONGEST_SUMMARY = 1000


@frozen(kw_only=True)
class Document:
    """What was read; ``data`` is the file's bytes."""

    title: str = ""
    summary: str = ""
    requirements: tuple[Requirement, ...] = ()
    data: bytes = b""


def read_document(file: Path) -> Document:
    """Title (the first heading), summary (the first paragraph of prose) and labelled requirements.

    Raises:
        SpecificationError: it is too large or not UTF-8.
    """
    text = read_text(file, name=file.name)
    title, summary = "", ""
    requirements: dict[str, Requirement] = {}
    for kind, line, content in _blocks(text):
        plain = " ".join(content.replace("*", "").replace("`", "").replace("\\", "").split())
        if kind == "heading" and not title:
            title = plain
        label = _LABEL.fullmatch(plain)
        if label:
            requirement_id = re.sub(r"[_ ]", "-", label[1])
            requirement = Requirement(id=requirement_id, text=label[2], source=f"{file.name}:{line}")
            requirements.setdefault(requirement_id, requirement)
        elif kind == "paragraph" and not summary and len(plain.split()) > 4:
            summary = plain[:_LONGEST_SUMMARY]
    return Document(title=title, summary=summary, requirements=tuple(requirements.values()), data=file.read_bytes())


def _blocks(text: str) -> Iterator[tuple[str, int, str]]:
    """(``heading``, ``paragraph`` or ``item``, line, text) of every block of prose."""
    from markdown_it import MarkdownIt

    kind, depth = "", 0
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type in ("heading_open", "paragraph_open"):
            kind = "heading" if token.type == "heading_open" else "item" if depth else "paragraph"
        elif token.type == "inline" and token.map is not None:
            yield kind, token.map[0] + 1, token.content


def serving(
    tasks: Sequence[Task], requirements: Sequence[Requirement]
) -> tuple[tuple[Task, ...], tuple[Requirement, ...]]:
    """The tasks with the requirements they name in their text, and the requirements: none when no task names any."""
    ids = [each.id for each in requirements]
    patterns = {name: _mention(name) for name in ids}
    found = []
    for task in tasks:
        text = f"{task.title}\n{task.description}"
        found.append(evolve(task, requirements=tuple(name for name in ids if patterns[name].search(text))))
    if not any(task.requirements for task in found):
        return tuple(tasks), ()
    return tuple(found), tuple(requirements)


def _mention(name: str) -> re.Pattern[str]:
    """Where a text names a requirement: ``FR-1``, ``FR 1`` and ``FR1``, but neither ``FR-12`` nor ``FR-1.2``."""
    spelled = "[-_ ]?".join(re.escape(part) for part in name.split("-"))
    return re.compile(rf"(?<![\w-]){spelled}(?!\w|\.\d)")
