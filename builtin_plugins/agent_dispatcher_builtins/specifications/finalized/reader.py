"""One way in for all forms of a finalized specification: what was read, with places, then its blockers, then the conversion."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from agent_dispatcher.behaviour import by_place, hint
from agent_dispatcher.errors import Problem, SpecificationError
from agent_dispatcher.models import FinalizedSpecification, Specification
from agent_dispatcher.safe_load import Located, load_json, load_yaml, locate, read_text

from ..native.prose import slug
from .conversion import blockers, requirements_of
from .options import FinalizedOptions

__all__ = ["FinalizedFormat"]

_YAML = (".yaml", ".yml")
_SUFFIXES = (*_YAML, ".json")
_LOOK = 65_536
_MAX_FILES = 200
_FIELDS = tuple(each.name for each in attrs.fields(FinalizedSpecification))
_LISTS = ("requirements", "resolved_edge_cases", "resolved_contradictions")
#: What no other sort of document has.
_SIGNS = tuple(name for name in _FIELDS if name not in ("requirements", "tags"))
_NUMBERS = ("confidence_score", "user_acceptance_rate")


class FinalizedFormat:
    """Reads YAML and JSON files with the fields of :class:`FinalizedSpecification`, or a folder that holds exactly one."""

    def __init__(self, options: FinalizedOptions | None = None) -> None:
        self._force = (options or FinalizedOptions()).force

    def matches(self, source: Path) -> float:
        """1.5 for a file with two of the fields that only such a document has, 0.8 with one, else 0."""
        found = _candidate(source) if source.is_dir() else source
        return 0.0 if found is None else _sureness(found)

    def load(self, source: Path) -> Specification:
        """Read it; :class:`SpecificationError` with all that is malformed, or with all that blocks it."""
        found = _candidate(source) if source.is_dir() else source
        if found is None:
            raise SpecificationError(
                Problem("the folder does not hold exactly one finalized specification", str(source))
            )
        text = read_text(found, name=found.name)
        root = load_yaml(text, found.name) if found.suffix.lower() in _YAML else load_json(text, found.name)
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        return self._read(root, path=str(source), digest=f"sha256:{digest}", fallback=found.stem)

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        """1.5 for a dict with two of the fields that only such a document has, 0.8 with one or with ``requirements`` alone, else 0."""
        if "format" in document:
            return 0.0
        signs = sum(name in document for name in _SIGNS)
        return 1.5 if signs >= 2 else 0.8 if signs or "requirements" in document else 0.0

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        """Read a dict; places are its lines as indented JSON."""
        root, text = locate(document)
        digest = hashlib.sha256(text.encode()).hexdigest()
        return self._read(root, path="", digest=f"sha256:{digest}", fallback="finalized specification")

    def _read(self, root: Located, *, path: str, digest: str, fallback: str) -> Specification:
        reading = _Reading(root)
        finalized = reading.finalized()
        if reading.problems:
            raise SpecificationError(sorted(reading.problems, key=by_place))
        found = blockers(finalized, reading.places)
        if found and not self._force:
            remedy = "finish the refinement session, or take it as it is with the option force"
            raise SpecificationError(
                [Problem(each.what, each.where, remedy) for each in found],
                "the finalized specification is not ready for dispatch:",
            )
        warnings = [*reading.warnings, *(f"taken although it is not ready: {each}" for each in found)]
        requirements, loose = requirements_of(finalized, reading.places, reading.problems, warnings)
        if reading.problems:
            raise SpecificationError(sorted(reading.problems, key=by_place))
        title = finalized.refinement_session_id or fallback
        return Specification(
            id=slug(title),
            title=title,
            format="finalized",
            path=path,
            digest=digest,
            summary="\n".join(loose),
            requirements=requirements,
            tags=tuple(finalized.tags),
            warnings=tuple(warnings),
        )


class _Reading:
    """A document field by field; what has the wrong shape is a problem, what is not known a warning."""

    def __init__(self, root: Located) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.places: dict[tuple[str, int], str] = {("requirements", -1): root.where}
        self._items = root.value if isinstance(root.value, dict) else {}
        if not isinstance(root.value, dict):
            self.problems.append(Problem(f"a finalized specification must be a mapping, not {root.kind}", root.where))
        for name in self._items:
            if name not in _FIELDS:
                self.warnings.append(
                    f"{root.key_where(name)}: the field {name!r} is not known and not used{hint(name, _FIELDS)}"
                )
            else:
                self.places[name, 0] = root.key_where(name)

    def finalized(self) -> FinalizedSpecification:
        """The document as the value; fields that could not be read have their defaults."""
        given: dict[str, Any] = {}
        for name in _FIELDS:
            node = self._items.get(name)
            if node is None or node.value is None:
                continue
            if name in _LISTS:
                given[name] = self._entries(name, node)
            elif name == "complete_requirement_set" and isinstance(node.value, tuple):
                given[name] = bool(node.value)
                if "requirements" not in self._items:
                    given["requirements"] = self._entries("requirements", node)
            else:
                given[name] = self._value(name, node)
        return FinalizedSpecification(**{name: value for name, value in given.items() if value is not None})

    def _entries(self, name: str, node: Located) -> list[dict[str, Any]]:
        if not isinstance(node.value, tuple):
            self.problems.append(Problem(f"{name!r} must be a list, not {node.kind}", node.where))
            return []
        found: list[dict[str, Any]] = []
        for item in node.value:
            if isinstance(item.value, dict):
                entry = item.plain()
            elif isinstance(item.value, str):
                entry = {"content": item.value}
            else:
                self.problems.append(
                    Problem(f"an entry of {name!r} must be a mapping or a text, not {item.kind}", item.where)
                )
                continue
            self.places[name, len(found)] = item.where
            found.append(entry)
        return found

    def _value(self, name: str, node: Located) -> Any:
        value = node.value
        if name == "tags":
            if isinstance(value, tuple) and all(isinstance(each.value, str) for each in value):
                return [each.text for each in value]
            return self._wrong(name, "a list of texts", node)
        if name in ("complete_requirement_set", "ready_for_dispatch"):
            return value if isinstance(value, bool) else self._wrong(name, "true or false", node)
        if name in _NUMBERS or name == "total_iterations":
            if isinstance(value, bool) or not isinstance(value, int | float):
                return self._wrong(name, "a number", node)
            return int(value) if name == "total_iterations" else float(value)
        if isinstance(value, dict | tuple | bool):
            return self._wrong(name, "a text", node)
        return node.text

    def _wrong(self, name: str, expected: str, node: Located) -> None:
        self.problems.append(Problem(f"{name!r} must be {expected}, not {node.kind}", node.where))


def _sureness(file: Path) -> float:
    if file.suffix.lower() not in _SUFFIXES or not file.is_file():
        return 0.0
    try:
        with file.open("rb") as opened:
            head = opened.read(_LOOK)
    except OSError:
        return 0.0
    if b"agent-dispatcher/" in head:
        return 0.0
    signs = sum(name.encode() in head for name in _SIGNS)
    return 1.5 if signs >= 2 else 0.8 if signs else 0.0


def _candidate(folder: Path) -> Path | None:
    """The one file of a folder that looks most like it."""
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    sure = [(path, _sureness(path)) for path in files[:_MAX_FILES]]
    best = max((sureness for _, sureness in sure), default=0.0)
    found = [path for path, sureness in sure if best and sureness == best]
    return found[0] if len(found) == 1 else None
