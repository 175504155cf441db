"""The check ``citations``: every claim of a research note names a source that is there and says what is quoted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .citing import Claim, FileLine, MetadataField, Source, parse_claim, shown, source_text, visible
from .evidence import evidence

__all__ = ["RESEARCH_TYPES", "CitationsCheck"]

#: Task types whose outcome is a note.
RESEARCH_TYPES = frozenset({"research", "analysis"})

_NAME = "citations"
_NOT_FOUND = "not found"
_MAX_NOTE_BYTES = 4 * 1024**2
_MAX_SOURCE_BYTES = 4 * 1024**2
_MAX_SHOWN = 5


class CitationsCheck:
    """See :class:`agent_dispatcher.extension.Check`.

    A claim is every line of text but headings, quotations (``>``) and what stands under the heading "Not found". What passes is true to its
    sources; whether it answers the question is for people to say, so passing is no proof of a requirement.
    """

    needs_files = True
    needs_sandbox = False

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To research and analysis."""
        return task is not None and task.type in RESEARCH_TYPES

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Look every source up; reads files, runs nothing."""
        assert task is not None
        tree = GuardedFolder(context.tree.path, max_bytes=_MAX_NOTE_BYTES)
        named = {ref.name for ref in task.produces if ref.type == "path"}
        named |= {path for change in context.tree.changes if change.task == task.id for path in change.paths}
        notes = sorted(path for path in named if path.lower().endswith(".md") and _there(tree, path))
        sources = _Sources(context)
        faults: list[str] = []
        claims = 0
        for path in notes:
            found = 0
            try:
                text = tree.read_text(path)
            except PathRefused as error:
                faults.append(str(error))
                continue
            for number, line in claim_lines(text):
                found += 1
                faults += [f"{path}:{number}: {fault}" for fault in _faults(line, sources)]
            if not found:
                faults.append(f"{path}:1: the note claims nothing")
            claims += found
        if not notes:
            faults.append("the task left no note (a Markdown file)")
        files = f"{len(notes)} note{'s' if len(notes) != 1 else ''}"
        summary = f"{claims} claims in {files}, each with a source that says so"
        if faults:
            rest = f" (and {len(faults) - _MAX_SHOWN} more)" if len(faults) > _MAX_SHOWN else ""
            summary = "; ".join(faults[:_MAX_SHOWN]) + rest
        return evidence(
            task,
            context,
            _NAME,
            passed=not faults,
            summary=summary,
            log="\n".join(faults or [summary]),
            details={"claims": claims, "notes": list(notes), "faults": faults[:100]},
        )


def claim_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a note that claim something, with their numbers from 1."""
    exempt = False
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped.startswith("#"):
            exempt = stripped.strip("# ").lower() == _NOT_FOUND
        elif stripped and not stripped.startswith(">") and not exempt:
            yield number, stripped


def _faults(line: str, sources: _Sources) -> Iterator[str]:
    claim = parse_claim(line)
    if not isinstance(claim, Claim):
        yield claim
        return
    for source in claim.sources:
        said = sources.look_up(source)
        if not isinstance(said, tuple):
            yield said
            continue
        for quotation in claim.quotations:
            if not any(quotation in text for text in said):
                yield f"{source_text(source)} does not say {shown(quotation)!r}"


class _Sources:
    """What is written where; every file is read once."""

    def __init__(self, context: CheckContext) -> None:
        self._tree = GuardedFolder(context.tree.path, max_bytes=_MAX_SOURCE_BYTES)
        path = context.plan.specification.path
        place = Path(path) if path else None
        folder = place if place is None or place.is_dir() else place.parent
        self._specification = None if folder is None else GuardedFolder(folder, max_bytes=_MAX_SOURCE_BYTES)
        self._lines: dict[tuple[bool, str], list[str] | str] = {}

    def look_up(self, source: Source) -> tuple[str, ...] | str:
        """The texts at a source, as :func:`.citing.visible` has them; or why there are none."""
        if isinstance(source, MetadataField):
            return _metadata(source)
        key = (source.in_specification, source.path)
        if key not in self._lines:
            self._lines[key] = self._read(source)
        lines = self._lines[key]
        if isinstance(lines, str):
            return lines
        if source.line > len(lines):
            return f"{source_text(source)}: the file has {len(lines)} lines"
        return (visible(lines[source.line - 1]),)

    def _read(self, source: FileLine) -> list[str] | str:
        folder = self._specification if source.in_specification else self._tree
        if folder is None:
            return f"{source_text(source)}: the specification was not read from a file"
        try:
            return folder.read_bytes(source.path).decode("utf-8", "replace").split("\n")
        except OSError:
            return f"{source_text(source)}: there is no such file"
        except PathRefused as error:
            return f"{source_text(source)}: {error}"


def _metadata(source: MetadataField) -> tuple[str, ...] | str:
    from importlib import metadata

    try:
        values = metadata.distribution(source.distribution).metadata.get_all(source.field)
    except metadata.PackageNotFoundError:
        return f"{source_text(source)}: no such distribution is installed here"
    if not values:
        return f"{source_text(source)}: its metadata has no such field"
    return tuple(visible(str(value)) for value in values)


def _there(folder: GuardedFolder, path: str) -> bool:
    try:
        return folder.exists(path)
    except PathRefused:
        return False
