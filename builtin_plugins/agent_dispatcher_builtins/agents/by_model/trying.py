"""What a model wrote, tried: laid out, compiled, looked through, compared with what was promised, and its tests run, all in the attempt's own folder and sandbox.

Every step that has something to say says it in words the model can act on. A step whose tool is missing is named, never passed silently.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from pathlib import Path, PurePosixPath

from attrs import field, frozen

from agent_dispatcher.agents import AgentContext
from agent_dispatcher.extension import Limits
from agent_dispatcher.extension.components import CodeTools, Completed, Language
from agent_dispatcher.models import Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ...checks.absent import AbsentNames
from ...checks.junit import Case, Results, parse_junit
from ...doneness.judging import objections_to
from .folder import Files, WorkFolder
from .linting import without_old

__all__ = ["EXAMPLES", "Tried", "Trying"]

_RESULTS = ".dispatcher-results.xml"
_BEFORE = ".dispatcher-before-"
#: The file of tests made of the specification's examples, while they run.
EXAMPLES = "test_examples_of_the_task.py"
_LONGEST_SAID = 1200
_LONGEST_LINE = 200
_MAX_FAILED = 5
_COMPILING = Limits(timeout_s=60.0)


@frozen(kw_only=True)
class Tried:
    """What came of trying.

    Attributes:
        faults: what is wrong, in words for the model; empty when all is well.
        stage: how far it came: 0 nothing to try, 1 written, 2 compiled, 3 as promised, 4 tests ran, 5 all passed.
        passed, failed: tests.
        missing: tools that could not be asked.
    """

    faults: tuple[str, ...] = ()
    stage: int = 0
    passed: int = 0
    failed: int = 0
    missing: tuple[str, ...] = ()

    @property
    def score(self) -> tuple[int, float, int]:
        """Better is greater."""
        ran = self.passed + self.failed
        return (self.stage, self.passed / ran if ran else 0.0, -len(self.faults))


@frozen(kw_only=True)
class Trying:
    """How the work of one task is tried.

    Attributes:
        tests: paths of tests that are there and concern the task.
        examples: the text of a file of tests made of the specification's examples, ``""`` without any.
        refuse: why a path may not be written, ``None`` if it may.
        refuse_removal: why a file may not be removed or renamed, ``None`` if it may.
    """

    task: Task
    context: AgentContext
    language: Language
    tests: tuple[str, ...] = ()
    examples: str = ""
    test_timeout_s: float = 60.0
    refuse: Callable[[str], str | None] = field(default=lambda path: None)
    refuse_removal: Callable[[str], str | None] = field(default=lambda path: "this task removes no files")

    @property
    def folder(self) -> WorkFolder:
        """The attempt's folder, with what the task may not do to it."""
        return WorkFolder(workspace=self.context.workspace, refuse=self.refuse, refuse_removal=self.refuse_removal)

    def read(self, path: str) -> str | None:
        """See :meth:`.folder.WorkFolder.read`."""
        return self.folder.read(path)

    async def attempt(self, files: Files, before: Files) -> Tried:
        """Try ``files``, which are in the attempt's folder; ``before`` is what was there instead."""
        sources = [path for path, text in files.items() if text is not None and self.language.is_source(path)]
        missing = await self._lay_out(sources, self._new(sources, files, before))
        kept = self.folder.keep(files)
        try:
            return await self._tried(sources, files, before, missing)
        finally:
            self.folder.put_back(kept)  # what tests make of the files they are about is not the answer

    async def _tried(self, sources: Sequence[str], files: Files, before: Files, missing: tuple[str, ...]) -> Tried:
        if sources:
            done = await self.context.sandbox.run(self.language.compile_command(sources), _COMPILING)
            if done.code != 0:
                return Tried(faults=(f"it does not compile: {_said(done)}",), stage=1, missing=missing)
        faults = [
            *(await self._lint(sources, files, before)),
            *self._contract(files),
            *(await self._objections(files, before)),
        ]
        if faults:
            return Tried(faults=tuple(faults), stage=2, missing=missing)
        return await self._run_tests(missing)

    # --- the steps ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _new(sources: Sequence[str], files: Files, before: Files) -> list[str]:
        """Files that the task makes. What is there already is laid out as its authors like it, and so is what was moved: others work on it at the same time,
        and every line that changes for nothing is one more to be in conflict about.
        """
        moved = [text for path, text in before.items() if text is not None and files.get(path) is None]
        new = [path for path in sources if before.get(path) is None]
        return [path for path in new if not any(_alike(files[path] or "", text) for text in moved)]

    async def _lay_out(self, sources: Sequence[str], new: Sequence[str]) -> tuple[str, ...]:
        """Format what is new; what cannot be formatted is left as it is, for the compiler to complain about."""
        if not sources or not isinstance(self.language, CodeTools):
            return ()
        command = self.language.format_command(new or sources)
        if command is None:
            return ("no formatter and no linter is installed here",)
        if new:
            await self.context.sandbox.run(command, _COMPILING)
        return ()

    async def _lint(self, sources: Sequence[str], files: Files, before: Files) -> list[str]:
        """Mistakes that were not there before."""
        done = await self._linted(sources)
        if done is None or done.code in (0, 127):
            return []
        earlier = {path: text for path, text in before.items() if text is not None and self.language.is_source(path)}
        if earlier and not done.limit_hit:
            old = await self._linted_before(earlier)
            there = {path: self.read(path) or "" for path in files if files[path] is not None}
            said = without_old(done.stdout, old, there, earlier)
            if said is not None:
                return [f"the linter says: {said[:_LONGEST_SAID]}"] if said else []
        return [f"the linter says: {_said(done)}"]

    async def _linted(self, sources: Sequence[str]) -> Completed | None:
        command = self.language.lint_command(sources) if sources and isinstance(self.language, CodeTools) else None
        return None if command is None else await self.context.sandbox.run(command, _COMPILING)

    async def _linted_before(self, earlier: Mapping[str, str]) -> str:
        """What the linter says of files as they were, read from copies: the sandbox shows nothing but the attempt's own folder."""
        workspace = self.context.workspace
        copies = {f"{_BEFORE}{n}{PurePosixPath(path).suffix}": path for n, path in enumerate(earlier)}
        try:
            for copy, path in copies.items():
                workspace.write_text(copy, earlier[path])
            done = await self._linted(list(copies))
        finally:
            for copy in filter(workspace.exists, copies):
                workspace.delete(copy)
        said = "" if done is None else done.stdout
        for copy, path in copies.items():
            said = said.replace(copy, path)
        return said

    def _contract(self, files: Files) -> list[str]:
        """Promised files and symbols that are not there; read from a copy, since nothing of the attempt is imported."""
        promised = [ref.name for ref in self.task.produces if ref.type == "path"]
        faults = [
            f"the promised file {path} is missing" for path in promised if not self.context.workspace.exists(path)
        ]
        symbols = [ref for ref in self.task.produces if ref.type == "symbol"]
        if symbols and not faults:
            with tempfile.TemporaryDirectory(prefix="agent-dispatcher-contract-") as name:
                copy = GuardedFolder(Path(name))
                self._copy(copy, {*promised, *files, *self._homes({ref.name.partition(":")[0] for ref in symbols})})
                missing = self.language.missing_symbols(copy.root, symbols)
                if missing:  # it may be taken from a module that others wrote
                    paths = self.context.workspace.files()
                    self._copy(copy, (path for path in paths if self.language.is_source(path) or "/" not in path))
                    missing = self.language.missing_symbols(copy.root, symbols)
                faults += [f"{each} is promised and not defined" for each in missing]
        return faults

    def _copy(self, copy: GuardedFolder, paths: Iterable[str]) -> None:
        for path in paths:
            text = self.read(path)
            if text is not None:
                copy.write_text(path, text)

    def _homes(self, modules: Set[str]) -> list[str]:
        """Files of the workspace that are these modules."""
        if not isinstance(self.language, CodeTools):
            return []
        paths = self.context.workspace.files()
        return [path for path in paths if self.language.is_source(path) and self.language.module(path) in modules]

    async def _objections(self, files: Files, before: Files) -> list[str]:
        async def earlier(path: str) -> bytes | None:
            text = before.get(path)
            return None if text is None else text.encode()

        def now(path: str) -> bytes | None:
            text = self.read(path)
            return None if text is None else text.encode()

        changed = [path for path in files if self.read(path) != before.get(path)]
        tree = self.context.workspace.files
        found = await objections_to(self.task, changed, now=now, before=earlier, language=self.language, tree=tree)
        return [str(each) for each in found]

    async def _run_tests(self, missing: tuple[str, ...]) -> Tried:
        """The tests that are there and the examples of the specification, in one run."""
        workspace = self.context.workspace
        tests = [path for path in self.tests if workspace.exists(path)]
        if self.examples and not workspace.exists(EXAMPLES):
            workspace.write_text(EXAMPLES, self.examples)
            tests.append(EXAMPLES)
        try:
            if not tests:
                return Tried(stage=5, missing=missing)
            done, results = await self.run(tests)
        finally:
            if workspace.exists(EXAMPLES) and self.examples:
                workspace.delete(EXAMPLES)
        return self._judged(done, results, missing)

    async def run(
        self, tests: Sequence[str], command: tuple[str, ...] | None = None
    ) -> tuple[Completed, Results | None]:
        """Run tests in the sandbox; ``None`` when they left no results."""
        left_s = self.context.deadline - time.monotonic()
        limits = Limits(timeout_s=max(1.0, min(self.test_timeout_s, left_s - 2.0)))
        argv = command or self.language.test_command(tests, results=_RESULTS)
        workspace = self.context.workspace
        try:
            done = await self.context.sandbox.run(argv, limits)
            return done, parse_junit(workspace.read_bytes(_RESULTS))
        except (FileNotFoundError, ValueError):
            return done, None
        finally:
            if workspace.exists(_RESULTS):
                workspace.delete(_RESULTS)

    def _example(self, test: str) -> str:
        """What a test made of an example does, in one line; the model never sees the file it is in."""
        path, _, name = test.partition("::")
        if not self.examples or path != EXAMPLES:
            return ""
        _, _, rest = self.examples.partition(f" {name}(")
        body = rest.partition("\n\n")[0].rstrip().split("\n")[1:]
        return " ".join(line.strip() for line in body)

    def _why(self, case: Case) -> str:
        """What a failed test says, what it does if the model cannot see it, and the line that fails if the framework names it."""
        does = self._example(case.name)
        said = case.message.partition("\n")[0].removeprefix("AssertionError: ")
        call, _, wanted = does.removeprefix("assert ").partition(" == ")
        if wanted and said.startswith("assert ") and said.endswith(f" == {wanted}"):
            got = said.removeprefix("assert ").removesuffix(f" == {wanted}")
            return f"{call} gave {got} instead of {wanted}"[:_LONGEST_SAID]
        parts = [case.message[:_LONGEST_SAID]]
        if does:
            parts.append(f"It does: {does}")
        marked = [line[1:].strip() for line in case.text.splitlines() if line.startswith(">")]
        if marked and marked[-1] not in does:
            parts.append(f"The line that fails: {marked[-1][:_LONGEST_LINE]}")
        return "\n".join(parts)

    def _judged(self, done: Completed, results: Results | None, missing: tuple[str, ...]) -> Tried:
        """What the results say; a test that fails only for what another task has still to make says nothing."""
        if results is None:
            why = f"could not be run: {_said(done)}"
            if done.limit_hit == "timeout_s":
                why = f"did not end within {self.test_timeout_s:g} s: there may be an endless loop"
            return Tried(faults=(f"the tests {why}",), stage=3, missing=missing)
        others = AbsentNames(
            (ref for name, refs in self.context.promised.items() if name != self.task.id for ref in refs),
            self.language,
        )
        red = [case for case in results.red() if others.explain(case) is None]
        faults = [f"the test {case.name} fails: {self._why(case)}" for case in red[:_MAX_FAILED]]
        if len(red) > _MAX_FAILED:
            faults.append(f"and {len(red) - _MAX_FAILED} more tests fail")
        passed = results.count("passed")
        if not results.cases:
            faults.append("no test could be run")
        return Tried(faults=tuple(faults), stage=4 if faults else 5, passed=passed, failed=len(red), missing=missing)


def _alike(text: str, other: str) -> bool:
    """Whether most lines of a text are those of another."""
    lines, others = text.split("\n"), set(other.split("\n"))
    return 2 * sum(line in others for line in lines) > len(lines)


def _said(done: Completed) -> str:
    text = (done.stdout.strip() or done.stderr.strip())[:_LONGEST_SAID]
    return f"stopped ({done.limit_hit})" if done.limit_hit else text or f"exit code {done.code}"
