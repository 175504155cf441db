"""From files in the native format to a :class:`~agent_dispatcher.models.Specification`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from agent_dispatcher.behaviour import by_place, check_behaviour, is_name
from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import Behaviour, ExecutionPlan, Specification
from agent_dispatcher.safe_load import Located, load_json, load_yaml, locate, read_text

from .declarations import Declarations
from .document import Problems, Section
from .examples import read_examples
from .markdown import load_markdown
from .prose import read_glossary, read_requirements, read_tasks, slug

__all__ = ["FORMAT", "VERSION", "NativeFormat", "read_document"]

FORMAT = "agent-dispatcher/specification"
VERSION = 1

_YAML = (".yaml", ".yml")
_MARKDOWN = (".md", ".markdown")
_SUFFIXES = (*_YAML, ".json", *_MARKDOWN)
#: How much of a file is looked at to recognise it.
_LOOK = 65_536
_MAX_FILES = 200


class NativeFormat:
    """Reads YAML, JSON and Markdown files in the native format, or a folder that holds exactly one of them."""

    def matches(self, source: Path) -> float:
        """2 for a file that names the format at its beginning, 0.5 for one that is only called like one, else 0."""
        found = _candidate(source) if source.is_dir() else source
        return 0.0 if found is None else _sureness(found)

    def load(self, source: Path) -> Specification:
        """Read it, or tell every problem with its ``file:line``."""
        found = _candidate(source) if source.is_dir() else source
        if found is None:
            raise SpecificationError(
                Problem("the folder does not hold exactly one specification in the native format", str(source))
            )
        text = read_text(found, name=found.name)
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        document = _parse(text, found)
        return read_document(document, path=str(source), digest=f"sha256:{digest}")

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        """2 for a dict that names the format, 1 for one that only has the keys of one, else 0."""
        if "format" in document:
            return 2.0 if document["format"] == FORMAT else 0.0
        return 1.0 if "title" in document and {"entities", "operations", "requirements"} & document.keys() else 0.0

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        """Read what a file would hold; places are lines of the dict written as indented JSON."""
        root, text = locate(document)
        return read_document(root, digest=f"sha256:{hashlib.sha256(text.encode()).hexdigest()}")

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """``specification.yaml``: requirements and tasks; behaviour as data is not written."""
        from .writing import render_plan

        return render_plan(plan)


def read_document(document: Located, *, path: str = "", digest: str = "") -> Specification:
    """The specification a document holds.

    Args:
        document: the tree of any of the three notations.
        path: where it was read from.
        digest: of what was read.

    Raises:
        SpecificationError: every problem found, sorted by line.
    """
    problems = Problems()
    top = Section("specification", document, problems, name="the specification")
    _check_format(top)
    requirements = read_requirements(top, problems)
    known = frozenset(requirement.id for requirement in requirements)
    tasks = read_tasks(top, problems, known)
    title = top.text("title")
    if "title" in top and not title:
        top.problem("the title is empty", "title")
    glossary, tags = read_glossary(top, problems), top.texts("tags")
    behaviour = _behaviour(top, title, problems, known)
    if not (requirements or tasks or behaviour or problems.found):
        top.problem("the specification asks for nothing", remedy="give requirements, tasks or operations")
    if problems.found:
        raise SpecificationError(sorted(problems.found, key=by_place))
    return Specification(
        id=slug(title),
        title=title,
        format="native",
        path=path,
        digest=digest,
        summary=top.text("summary"),
        requirements=requirements,
        tasks=tasks,
        behaviour=behaviour,
        language=top.text("language"),
        glossary=glossary,
        tags=tags,
    )


def _behaviour(top: Section, title: str, problems: Problems, requirements: frozenset[str]) -> Behaviour | None:
    """What is declared as data, examined as far as its parts could be read at all."""
    package = top.text("package") or slug(title).replace("-", "_")
    if not is_name(package):
        top.problem(
            f"{package!r} cannot be the name of a package",
            "package" if "package" in top else "title",
            "give one in snake case under 'package'",
        )
        package = "package"
    before = len(problems.found)
    declarations = Declarations(top, problems)
    entities, operations = declarations.entities(), declarations.operations()
    readable = len(problems.found) == before
    examples = read_examples(top, operations, problems)
    if not (entities or operations or examples):
        return None
    behaviour = Behaviour(package=package, entities=entities, operations=operations, examples=examples)
    if readable:
        sound = behaviour if len(problems.found) == before else evolve(behaviour, examples=())
        problems.found.extend(check_behaviour(sound, requirements))
    return behaviour


def _check_format(top: Section) -> None:
    if "format" in top and top.text("format") != FORMAT:
        top.problem(f"this is no specification: format is {top.text('format')!r}, not {FORMAT!r}", "format")
    version = top.integer("version")
    if version is not None and version != VERSION:
        top.problem(
            f"version {version} of the format is not known", "version", f"this installation reads version {VERSION}"
        )


def _parse(text: str, file: Path) -> Located:
    suffix = file.suffix.lower()
    if suffix == ".json":
        return load_json(text, file.name)
    if suffix in _MARKDOWN:
        return load_markdown(text, file.name)
    return load_yaml(text, file.name)


def _sureness(file: Path) -> float:
    if file.suffix.lower() not in _SUFFIXES or not file.is_file():
        return 0.0
    try:
        with file.open("rb") as opened:
            beginning = opened.read(_LOOK)
    except OSError:
        return 0.0
    if FORMAT.encode() in beginning:
        return 2.0
    return 0.5 if file.stem == "specification" and file.suffix.lower() not in _MARKDOWN else 0.0


def _candidate(folder: Path) -> Path | None:
    """The one file of a folder that is in this format; of several the one called ``specification``."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    sure = [(path, _sureness(path)) for path in files[:_MAX_FILES]]
    best = max((sureness for _, sureness in sure), default=0.0)
    found = [path for path, sureness in sure if best and sureness == best]
    named = [path for path in found if path.stem == "specification"]
    if len(found) == 1:
        return found[0]
    return named[0] if len(named) == 1 else None
