"""What a language may be able to do beside the least (:class:`.languages.Language`). Each ability is a protocol of its own; who needs one asks
with ``isinstance``, and does without where a language lacks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import frozen

from ...models import ArtifactRef, Finding

__all__ = [
    "Auditing",
    "AuditingAsSettled",
    "CodeTools",
    "Declaring",
    "Finding",
    "FitsTests",
    "HollowTesting",
    "NamesTests",
    "Objection",
    "Reaching",
    "SeesOverrides",
    "StatedExample",
    "ToolsForTests",
    "TriesExamples",
    "WorkInspector",
]


@frozen(kw_only=True)
class Objection:
    """Why the text of a file is not the work it is said to be.

    Attributes:
        kind: ``stub`` (code that is still to be written), ``idle`` (a test that cannot fail), ``weakened`` (a test that proves less than before),
            ``changed`` (a test that expects something else), ``touched`` (a file of tests in which something else was done than to add tests, which only
            its owner may do), ``empty`` (no work at all).
        line: 1 for the first; 0 when it is about the whole file.
        what: a sentence that names what was seen, and where there is one, the way out.
        subject: the dotted name of what is a stub (``Shape.area``, ``class Shape``), ``""`` where it is neither function nor class.
            Of what is weakened, the module on whose being one of the tree's own code it depends (``module shop.cart``).
    """

    kind: str
    path: str
    what: str
    line: int = 0
    subject: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}" if self.line else f"{self.path}: {self.what}"


@runtime_checkable
class WorkInspector(Protocol):
    """A language that can tell from the text of a file whether it is work. Texts are read, never run; one that cannot be parsed has no objections."""

    def objections(self, path: str, before: str | None, after: str | None) -> tuple[Objection, ...]:
        """What is wrong with ``after`` that was not already wrong with ``before``, in the order of the file. ``None``: there is no such file
        before or after."""
        ...


@runtime_checkable
class SeesOverrides(Protocol):
    """A language that can tell which methods of classes elsewhere a file implements: a class leaves them to others, and they are no stubs."""

    def overrides(self, text: str) -> frozenset[str]:
        """``Base.method`` for every method with a body in a class that is derived from ``Base``, and ``class Name`` for what is derived from or used as a value; none where the text cannot be parsed.
        Where the text tells from which module it takes the class, with the last part of that: ``module.Base.method``, ``class module.Name``. It then counts only for a class of that file or package."""
        ...


@runtime_checkable
class NamesTests(Protocol):
    """A language that can tell from the text of a file which tests stand in it."""

    def tests_named(self, text: str) -> tuple[str, ...]:
        """The tests that are run for certain when the file is: as results name them behind the file, without cases (``test_a``, ``TestB::test_c``).
        Tests under a condition are left out; a text that cannot be parsed has none."""
        ...


@runtime_checkable
class HollowTesting(Protocol):
    """A language that can run tests without the code they are about, to see that they find out."""

    def hollow_test_command(self, paths: Sequence[str], modules: Sequence[str], *, results: str) -> tuple[str, ...]:
        """A command that runs the tests in ``paths`` while whatever is called of ``modules`` fails, and writes JUnit XML to ``results``. A test that
        fails for this has ``SubjectIsHollow`` in its message, whether it was called in the test or while the test was collected."""
        ...


@runtime_checkable
class Reaching(Protocol):
    """A language that can tell whether tests could come out otherwise because files were added. Files are read, never run."""

    def reaches_tests(self, added: Sequence[str], tree: Path) -> str:
        """How one of the files ``added`` to ``tree``, which has them already, could be noticed by tests or code that were there before; ``""`` when
        none can. In doubt it can."""
        ...


@runtime_checkable
class CodeTools(Protocol):
    """A language that helps whoever writes code in it. Texts are read, never run; commands are for the sandbox."""

    def format_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """A command that lays files out as is usual; ``None`` when its tool is not installed."""
        ...

    def lint_command(self, paths: Sequence[str]) -> tuple[str, ...] | None:
        """A command that fails with a line per mistake (no matter of taste); ``None`` when its tool is not installed."""
        ...

    def outline(self, text: str) -> str:
        """What a file offers to others, without bodies; ``""`` when it cannot be read."""
        ...

    def module(self, path: str) -> str:
        """The name a file is imported by, ``""`` for none."""
        ...

    def imports(self, text: str) -> frozenset[str]:
        """The modules a file names in its imports, each also with what it takes from them (``a.b`` and ``a.b.C``)."""
        ...

    def example_tests(self, text: str, symbols: Sequence[str]) -> str:
        """A file of tests made of the examples that stand in ``text`` and call one of ``symbols`` (``package.module:name``); ``""`` without any."""
        ...


@frozen(kw_only=True)
class StatedExample:
    """A call with literals, and what a text says that it gives.

    Attributes:
        function: the name of what is called.
        call: the source of the call, in its plain form.
        result: the source of a literal; ``""`` when it raises.
        raises: the name of an exception, ``""`` when it returns.
        roughly: the text says that the number is not exact.
        demanded: the text says that it *should* be so, and not only that it is.
        unsure: why it cannot be told whether the text means it as it stands; ``""`` where it can.
    """

    function: str
    call: str
    result: str = ""
    raises: str = ""
    roughly: bool = False
    demanded: bool = False
    unsure: str = ""

    def __str__(self) -> str:
        return f"`{self.call}` {'raises' if self.raises else 'returns'} `{self.raises or self.result}`"


@runtime_checkable
class TriesExamples(Protocol):
    """A language in which the literal examples of a text can be tried. Texts and files are read, never run; the command is for the sandbox."""

    def stated_examples(self, text: str) -> tuple[StatedExample, ...]:
        """The literal examples of a text, each once, in order."""
        ...

    def homes(self, function: str, tree: Path) -> tuple[str, ...]:
        """The paths of sources in ``tree`` that define a function of this name for others to call; tests are none."""
        ...

    def examples_command(self, examples: Sequence[tuple[str, StatedExample]], *, results: str) -> tuple[str, ...]:
        """A command that tries each example, called out of the module it is given with, and writes a line of JSON for each to ``results``:
        ``{"outcome": "holds" | "wrong" | "untried", "said": ...}``, in their order. ``said`` is what came of the call, or why it could not be tried."""
        ...


@runtime_checkable
class ToolsForTests(Protocol):
    """A language that says how tests are written in it, and what a test that could not run was missing.

    Attributes:
        test_framework: what tests are written with, as one would say it to an author.
    """

    test_framework: str

    def test_path(self, name: str) -> str:
        """Where a file of tests called ``name`` (a word) belongs."""
        ...

    def import_line(self, module: str, name: str, paths: Sequence[str]) -> str:
        """How a file of tests takes ``name`` out of ``module``; the module itself when ``name`` is empty. ``paths``: files that are promised, the
        module's among them if it is known."""
        ...

    def absence(self, message: str, promised: Iterable[ArtifactRef]) -> str | None:
        """The promised module or symbol that is not there yet and that a test failed for, as a phrase; ``None`` when it failed for any other reason."""
        ...


@runtime_checkable
class FitsTests(Protocol):
    """A language in which repositories test in different ways. Files are read, never run."""

    def test_tools(self, read: Callable[[str], str | None], test: str) -> ToolsForTests:
        """How tests are written in one repository.

        Args:
            read: the text of one of its files; ``None`` where there is none that can be read.
            test: the file of tests that is to be written; ``""`` when it is not known yet.
        """
        ...


@runtime_checkable
class Declaring(Protocol):
    """A language that knows the files in which a tree asks for packages."""

    def declares(self, path: str) -> bool:
        """Whether a change of the file can change what ``environment`` provides, or make it refuse."""
        ...


@runtime_checkable
class Auditing(Protocol):
    """A language whose tools look through code. Commands are for the sandbox: they read files, run nothing of them, and heed neither configuration
    nor comments in the tree, so that work cannot silence what judges it. A command may be run in another folder, which holds nothing but the files as
    they were before the work."""

    def audit_command(
        self, kind: str, paths: Sequence[str], *, results: str, max_complexity: int = 10
    ) -> tuple[str, ...]:
        """A command that looks through ``paths`` and writes what it finds to ``results``; its exit code says nothing.

        Args:
            kind: ``quality`` (mistakes, and functions more complex than ``max_complexity``) or ``security``.

        Raises:
            Unavailable: the tool is not installed; says which and what helps.
        """
        ...

    def findings(self, kind: str, data: bytes) -> tuple[Finding, ...]:
        """What the file of results says, in its order; a file that the tool could not read is a finding of severity ``high``.

        Raises:
            ValueError: it is no such file.
        """
        ...


@runtime_checkable
class AuditingAsSettled(Protocol):
    """An :class:`Auditing` language that can judge quality by what a repository has settled for itself. It is asked to where the work has not touched that."""

    def settled_audit_command(
        self, paths: Sequence[str], *, results: str, max_complexity: int = 10, before: str = ""
    ) -> tuple[str, ...]:
        """As :meth:`Auditing.audit_command` for ``quality``, by the settings in the tree, which is the current folder; without settings the same as that.

        Args:
            before: a folder with earlier versions of ``paths``, which are to be looked at in their place; empty to look at what is in the tree.
        """
        ...

    def may_settle(self, path: str) -> bool:
        """Whether a file can hold such settings, by its name."""
        ...

    def settles(self, path: str, before: bytes | None, after: bytes | None) -> bool:
        """Whether a change of the file (``None``: it is not there) changes what is settled; in doubt it does."""
        ...
