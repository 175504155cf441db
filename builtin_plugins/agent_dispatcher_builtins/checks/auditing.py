"""The checks ``quality`` and ``security``: tools of the language look through the files of a change, and what they find is evidence.

They are active where configuration names them. A tool that is missing is no pass: the check says what to install, and the work does not land. What stood
before (:mod:`.standing`) is counted and refuses nobody; where files cannot be shown as they were everything counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext, Finding
from agent_dispatcher.extension.components import Auditing, Language
from agent_dispatcher.models import Evidence, ExecutionPlan, Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .evidence import WORK_TYPES, evidence
from .looking_through import Looking, Unreadable, settled_by_others
from .options import SEVERITIES, QualityOptions, SecurityOptions

__all__ = ["QualityCheck", "SecurityCheck"]

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
        changed = sorted({path for each in context.tree.changes if each.task == task.id for path in each.paths})
        looking = Looking(
            kind=self._kind,
            context=context,
            language=language,
            max_complexity=self._max_complexity,
            settled=await settled_by_others(changed, context, language),
        )
        try:
            every = await looking.through(paths)
            sources = [path for path in changed if self._concerns(path, language)]
            found = await looking.new_among(every, sources) if every else ()
        except Unreadable as error:
            return evidence(task, context, self._kind, passed=False, summary=str(error), log=error.said)
        counting = [each for each in found if each.severity in self._counting]
        stood = len(every) - len(found)
        return evidence(
            task,
            context,
            self._kind,
            passed=not counting,
            summary=_summary(counting, len(found), len(paths), stood),
            log="\n".join([*(f"{each} ({each.severity})" for each in found), *looking.said]),
            details=self._details(found, counting, paths, stood),
        )

    def _concerns(self, path: str, language: Language) -> bool:
        return language.is_source(path) and (self._tests or not language.is_test(path))

    def _paths(self, task: Task, context: CheckContext, language: Language) -> list[str]:
        folder = GuardedFolder(context.tree.path)

        def there(path: str) -> bool:
            try:
                return folder.exists(path)
            except PathRefused:
                return False

        changed = {path for change in context.tree.changes if change.task == task.id for path in change.paths}
        return [path for path in sorted(changed) if self._concerns(path, language) and there(path)]

    def _details(
        self, found: Sequence[Finding], counting: Sequence[Finding], paths: Sequence[str], stood: int
    ) -> dict[str, object]:
        shown = [*counting, *(each for each in found if each not in counting)][:_MAX_KEPT]
        limit = {"max_complexity": self._max_complexity} if self._kind == "quality" else {"severity": self._counting[0]}
        return {
            **limit,
            "files": len(paths),
            "refused": len(counting),
            "stood_before": stood,
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


def _summary(counting: Sequence[Finding], found: int, files: int, stood: int) -> str:
    before = f" ({_findings(stood)} stood before)" if stood else ""
    looked = f"{files} file{'s' if files != 1 else ''} looked through"
    if not counting:
        return (
            f"{looked}, {_findings(found, 'milder ') if found else 'no new finding' if stood else 'no finding'}{before}"
        )
    rest = f"; and {len(counting) - _MAX_SHOWN} more" if len(counting) > _MAX_SHOWN else ""
    return "; ".join(map(str, counting[:_MAX_SHOWN])) + rest + before


def _findings(many: int, kind: str = "") -> str:
    return f"{many} {kind}finding{'s' if many != 1 else ''}"
