"""Programming languages: where files go, and which commands compile and test them.

What a language may offer beyond that is in :mod:`.language_abilities`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from attrs import field, frozen

from ...models import ArtifactRef, Specification

__all__ = ["Environment", "Language", "Layout", "Module"]


@frozen(kw_only=True)
class Module:
    """A unit of work in a language's layout: the files one task writes.

    Attributes:
        name: short, unique in the layout (``model-book``).
        title: what the task is called.
        type: the task type.
        paths: files it promises, relative to the repository, ``/`` separated.
        produces, consumes: beside the paths: symbols, entities, operations, ...
        verifies: names of the modules whose work this (test) module checks.
        requirements: requirement ids it serves.
        group: component it belongs to.
        complexity, estimate_s: as in :class:`agent_dispatcher.models.Task`.
    """

    name: str
    title: str
    type: str = "code_writing"
    paths: tuple[str, ...] = ()
    produces: tuple[ArtifactRef, ...] = ()
    consumes: tuple[ArtifactRef, ...] = ()
    verifies: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    group: str = ""
    complexity: float = 1.0
    estimate_s: float = 5.0


@frozen(kw_only=True)
class Layout:
    """How declared behaviour is laid out as files, in reading order."""

    modules: tuple[Module, ...]


@frozen(kw_only=True)
class Environment:
    """What a command of the language needs inside the sandbox.

    Attributes:
        read_only: folders to bind read-only.
        env: variables to set.
        digest: changes when anything in it does.
        about: what it is made by, for whoever reads the evidence; ``""`` where there is nothing to say.
    """

    read_only: tuple[Path, ...] = ()
    env: dict[str, str] = field(factory=dict)
    digest: str = ""
    about: str = ""


class Language(Protocol):
    """A programming language: where things go and how they are run."""

    name: str

    def layout(self, specification: Specification) -> Layout | None:
        """The files that implement and test the declared behaviour; ``None`` without behaviour."""
        ...

    def compile_command(self, paths: Sequence[str]) -> tuple[str, ...]:
        """A command that fails when one of the files is not even well-formed."""
        ...

    def test_command(self, paths: Sequence[str], *, results: str, coverage: str | None = None) -> tuple[str, ...]:
        """A command that runs the tests in ``paths`` (all tests when empty), writes JUnit XML to ``results`` and, when wanted,
        coverage JSON to ``coverage`` (both relative to the folder it runs in)."""
        ...

    def is_test(self, path: str) -> bool:
        """Whether a file of the repository holds tests."""
        ...

    def is_source(self, path: str) -> bool:
        """Whether :meth:`compile_command` can judge a file, by its name."""
        ...

    def missing_symbols(self, tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
        """Which promised ``symbol`` artifacts are not defined in ``tree``; read, never imported."""
        ...

    async def environment(self, tree: Path) -> Environment:
        """What the commands need; :class:`agent_dispatcher.errors.Unavailable` when it cannot be had."""
        ...
