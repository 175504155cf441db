"""Formats of specifications: they are read, and some are written back to or written anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ...models import ExecutionPlan, Specification

__all__ = ["MappingFormat", "PlanWriter", "SpecificationFormat", "StatusWriter"]


class SpecificationFormat(Protocol):
    """Reads one format of specifications. It may also be a :class:`MappingFormat`, a :class:`StatusWriter` and a :class:`PlanWriter`."""

    def matches(self, source: Path) -> float:
        """How sure it is that ``source`` (a file or folder that exists) is in this format, 0 to 2; looks at names and a
        bounded prefix only, so that a malformed file still matches and gets a good error."""
        ...

    def load(self, source: Path) -> Specification:
        """Read it; :class:`agent_dispatcher.errors.SpecificationError` with every problem and its ``file:line``."""
        ...


@runtime_checkable
class MappingFormat(Protocol):
    """A specification format that also reads a document which is in memory already."""

    def matches_mapping(self, document: Mapping[str, Any]) -> float:
        """How sure it is that ``document`` is in this format, 0 to 2, from its keys."""
        ...

    def load_mapping(self, document: Mapping[str, Any]) -> Specification:
        """Read it; errors as :meth:`SpecificationFormat.load`."""
        ...


@runtime_checkable
class StatusWriter(Protocol):
    """A specification format whose sources say how far each task is."""

    def write_status(self, source: Path, statuses: Mapping[str, str]) -> None:
        """Make the source say ``statuses`` (a task's ``source_id``, or its ``id``, to one of ``TASK_STATUSES``), every other byte as it was.
        Writing what is there already changes nothing. A name it does not find is passed over: the caller reads again to see. The file
        itself is changed, never what a link leads to; :class:`agent_dispatcher.errors.DispatcherError` when that cannot be done."""
        ...


@runtime_checkable
class PlanWriter(Protocol):
    """A specification format in which a plan can be written, whatever format it was read from."""

    def render(self, plan: ExecutionPlan) -> Mapping[str, str]:
        """Relative file names (``/`` separated) to their texts; pure. :meth:`SpecificationFormat.load` reads it back: from the file where there
        is one, else from the folder that holds them. Every task is there, and waits for what binds it in the plan
        (:meth:`ExecutionPlan.binding_edges`). What the format has no words for is left out: the caller reads back and tells what is missing."""
        ...
