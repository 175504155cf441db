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
from .kept_sources import INDEX, is_note, misfit, read_index
from .quotations import LEAST_WORDS, says_enough, stands_in

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

    A claim is every line of text but headings, quotations (``>``) and what stands under the heading "Not found". It quotes several words, and they stand
    at the place it names. Notes of research are no sources, nor is what a research task wrote, but for the texts from outside that it kept: else what
    one note got wrong would be the next one's proof. What passes quotes its sources; whether its claims follow from them, and answer the question, is for
    people to say, so passing is no proof of a requirement.
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
        sources = _Sources(context, frozenset(notes))
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
    if not claim.quotations:
        yield "it quotes nothing: put the words of its source before it, between backticks"
    for source in claim.sources:
        said = sources.look_up(source)
        if not isinstance(said, tuple):
            yield said
            continue
        unsaid = [each for each in claim.quotations if not any(stands_in(each, text) for text in said)]
        for quotation in unsaid:
            yield f"{source_text(source)} does not say {shown(quotation)!r}"
        if claim.quotations and not unsaid and not _enough(claim.quotations, said):
            yield f"what it quotes of {source_text(source)} proves nothing: quote {LEAST_WORDS} words or more, or all that stands there"


def _enough(quotations: tuple[str, ...], said: tuple[str, ...]) -> bool:
    return any(says_enough(each, text) for each in quotations for text in said if stands_in(each, text))


class _Sources:
    """What is written where; every file is read once.

    Args:
        notes: paths of the notes that are looked over, which prove nothing themselves.
    """

    def __init__(self, context: CheckContext, notes: frozenset[str]) -> None:
        self._tree = GuardedFolder(context.tree.path, max_bytes=_MAX_SOURCE_BYTES)
        path = context.plan.specification.path
        place = Path(path) if path else None
        folder = place if place is None or place.is_dir() else place.parent
        self._specification = None if folder is None else GuardedFolder(folder, max_bytes=_MAX_SOURCE_BYTES)
        self._lines: dict[tuple[bool, str], list[str] | str] = {}
        research = {task.id: task for task in context.plan.tasks if task.type in RESEARCH_TYPES}
        promised = {ref.name for task in research.values() for ref in task.produces if ref.type == "path"}
        self._notes = notes | {name for name in promised if name.lower().endswith(".md")}
        self._written = {path for each in context.tree.changes if each.task in research for path in each.paths}

    def look_up(self, source: Source) -> tuple[str, ...] | str:
        """The texts at a source, as :func:`.citing.visible` has them; or why there are none."""
        if isinstance(source, MetadataField):
            return _metadata(source)
        key = (source.in_specification, source.path)
        if key not in self._lines:
            self._lines[key] = self._read(source)
        lines = self._lines[key]
        if isinstance(lines, str):
            return f"{source_text(source)}: {lines}"
        if source.line > len(lines):
            return f"{source_text(source)}: the file has {len(lines)} lines"
        return (visible(lines[source.line - 1]),)

    def _read(self, source: FileLine) -> list[str] | str:
        folder = self._specification if source.in_specification else self._tree
        if folder is None:
            return "the specification was not read from a file"
        try:
            data = folder.read_bytes(source.path)
        except OSError:
            return "there is no such file"
        except PathRefused as error:
            return str(error)
        text = data.decode("utf-8", "replace")
        refusal = self._no_source(source, data, text)
        return refusal or text.split("\n")

    def _no_source(self, source: FileLine, data: bytes, text: str) -> str:
        """Why a file proves nothing; ``""`` when it may."""
        path = source.path
        if is_note(text) or (path in self._notes and not source.in_specification):
            return "a note of research is no source: cite what it cites"
        if source.in_specification:
            return ""
        folder, _, name = path.rpartition("/")
        kept = read_index(self._tree, f"{folder}/{INDEX}" if folder else INDEX).get(name)
        if kept is not None:
            return misfit(kept, data)
        if path in self._written:
            return f"a research task wrote it, and it is no text from outside that was kept (no {INDEX} beside it lists it)"
        return ""


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
