"""The checks ``quality`` and ``security``: tools of the language look through the files of a change, and what they find is evidence.

They are active where configuration names them. A tool that is missing is no pass: the check says what to install, and the work does not land.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from attrs import evolve

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext, Completed, Finding, Limits
from agent_dispatcher.extension.components import Auditing, Language
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder, read_untrusted

from .evidence import WORK_TYPES, evidence
from .options import SEVERITIES, QualityOptions, SecurityOptions

__all__ = ["QualityCheck", "SecurityCheck"]

_RESULTS = "findings.json"
_MAX_RESULT_BYTES = 16 * 1024**2
_LIMITS = Limits(timeout_s=120.0, output_bytes=1024**2)
_MAX_SHOWN = 5
_MAX_KEPT = 100


class _Audit:
    """What both have in common. The finished whole is not looked at again: every file was, when it last changed.

    Args:
        kind: ``quality`` or ``security``.
        severity: the mildest finding that is refused.
        tests: whether tests are looked through too.
    """

    needs_files = True

    def __init__(self, kind: str, *, severity: str, tests: bool, max_complexity: int = 10) -> None:
        self._kind = kind
        self._counting = SEVERITIES[SEVERITIES.index(severity) :]
        self._tests = tests
        self._max_complexity = max_complexity

    def applies(self, task: Task | None, plan: ExecutionPlan) -> bool:
        """To tasks whose outcome is source files."""
        return task is not None and task.type in WORK_TYPES

    async def check(self, task: Task | None, context: CheckContext) -> Evidence:
        """Look through the changed source files, in the sandbox.

        Raises:
            Unavailable: the tool is not installed.
        """
        assert task is not None
        language = context.language
        if language is None:
            return evidence(task, context, self._kind, passed=True, summary="no language is active", nothing=True)
        paths = self._paths(task, context, language)
        if not paths:
            return evidence(task, context, self._kind, passed=True, summary="no source file was changed", nothing=True)
        if not isinstance(language, Auditing):
            return evidence(
                task,
                context,
                self._kind,
                passed=False,
                summary=f"the language {language.name} has no tool for {self._kind}: leave the check out, or use another language plugin",
            )
        done, data = await _look_through(self._kind, paths, context, language, self._max_complexity)
        said = "\n".join(filter(None, (done.stdout, done.stderr)))
        try:
            if data is None:
                raise ValueError(f"it left no results ({done.limit_hit or f'code {done.code}'})")
            found = _in(paths, language.findings(self._kind, data), context.tree.path)
        except ValueError as error:
            told = " | ".join(said.strip().splitlines()[-3:])
            summary = f"the tool's findings cannot be read: {error}{': ' if told else ''}{told}"
            return evidence(task, context, self._kind, passed=False, summary=summary[:2000], log=said)
        counting = [each for each in found if each.severity in self._counting]
        return evidence(
            task,
            context,
            self._kind,
            passed=not counting,
            summary=_summary(counting, len(found), len(paths)),
            log="\n".join(f"{each} ({each.severity})" for each in found),
            details=self._details(found, counting, paths),
        )

    def _paths(self, task: Task, context: CheckContext, language: Language) -> list[str]:
        folder = GuardedFolder(context.tree.path)

        def there(path: str) -> bool:
            try:
                return folder.exists(path)
            except PathRefused:
                return False

        changed = {path for change in context.tree.changes if change.task == task.id for path in change.paths}
        return [
            path
            for path in sorted(changed)
            if language.is_source(path) and (self._tests or not language.is_test(path)) and there(path)
        ]

    def _details(
        self, found: Sequence[Finding], counting: Sequence[Finding], paths: Sequence[str]
    ) -> dict[str, object]:
        shown = [*counting, *(each for each in found if each not in counting)][:_MAX_KEPT]
        limit = {"max_complexity": self._max_complexity} if self._kind == "quality" else {"severity": self._counting[0]}
        return {
            **limit,
            "files": len(paths),
            "refused": len(counting),
            "by_severity": {name: sum(each.severity == name for each in found) for name in SEVERITIES},
            "findings": [
                {"path": each.path, "line": each.line, "rule": each.rule, "severity": each.severity, "what": each.what}
                for each in shown
            ],
        }


class QualityCheck(_Audit):
    """Mistakes and complexity; tests are code too."""

    def __init__(self, options: QualityOptions | None = None) -> None:
        options = options or QualityOptions()
        super().__init__("quality", severity="low", tests=True, max_complexity=options.max_complexity)


class SecurityCheck(_Audit):
    """What opens a door; tests are left out, for nobody deploys them."""

    def __init__(self, options: SecurityOptions | None = None) -> None:
        super().__init__("security", severity=(options or SecurityOptions()).severity, tests=False)


async def _look_through(
    kind: str, paths: Sequence[str], context: CheckContext, language: Auditing, max_complexity: int
) -> tuple[Completed, bytes | None]:
    tree = context.tree.path
    assert context.language is not None
    context.log_dir.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=context.log_dir))
    try:
        command = language.audit_command(kind, paths, results=str(scratch / _RESULTS), max_complexity=max_complexity)
        environment = await context.language.environment(tree)
        done = await context.sandbox.run(
            command,
            cwd=tree,
            writable=(scratch,),
            read_only=(tree, *environment.read_only),
            env=environment.env,
            limits=_LIMITS,
        )
        return done, None if done.limit_hit else read_untrusted(scratch, _RESULTS, max_bytes=_MAX_RESULT_BYTES)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _in(paths: Sequence[str], found: Sequence[Finding], tree: Path) -> list[Finding]:
    """The findings in ``paths``, with paths relative to the tree."""
    wanted = frozenset(paths)
    roots = (tree, tree.resolve())
    named = [evolve(each, path=_relative(each.path, roots)) for each in found]
    return [each for each in named if each.path in wanted]


def _relative(path: str, roots: Sequence[Path]) -> str:
    for root in roots:
        if Path(path).is_relative_to(root):
            return Path(path).relative_to(root).as_posix()
    return os.path.normpath(path)


def _summary(counting: Sequence[Finding], found: int, files: int) -> str:
    looked = f"{files} file{'s' if files != 1 else ''} looked through"
    if not counting:
        return f"{looked}, {found} milder finding{'s' if found != 1 else ''}" if found else f"{looked}, no finding"
    rest = f"; and {len(counting) - _MAX_SHOWN} more" if len(counting) > _MAX_SHOWN else ""
    return "; ".join(map(str, counting[:_MAX_SHOWN])) + rest
