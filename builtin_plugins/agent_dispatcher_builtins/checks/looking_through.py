"""Having a tool of the language look through files, as they are and as they were before the work."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension import CheckContext, Finding, Limits
from agent_dispatcher.extension.components import AuditingAsSettled
from agent_dispatcher.workspace.path_guard import GuardedFolder, read_untrusted

from ..doneness.reading import text_of
from .standing import new_among

__all__ = ["Looking", "Unreadable", "settled_by_others"]

_RESULTS = "findings.json"
_MAX_RESULT_BYTES = 16 * 1024**2
_LIMITS = Limits(timeout_s=120.0, output_bytes=1024**2)
_LONGEST = 2000


class Unreadable(Exception):
    """The tool left nothing that can be read.

    Attributes:
        said: what it printed.
    """

    def __init__(self, why: str, said: str) -> None:
        told = " | ".join(said.strip().splitlines()[-3:])
        super().__init__(f"the tool's findings cannot be read: {why}{': ' if told else ''}{told}"[:_LONGEST])
        self.said = said


@frozen(kw_only=True)
class Looking:
    """How the files of a change are looked through.

    Attributes:
        kind: ``quality`` or ``security``.
        language: one that is ``Auditing``.
        settled: by the repository's own settings, where the language knows them.
        said: filled with what the tool printed.
    """

    kind: str
    context: CheckContext
    language: Any
    max_complexity: int
    settled: bool
    said: list[str] = field(factory=list)

    async def through(self, paths: Sequence[str]) -> tuple[Finding, ...]:
        """What the tool finds in files of the tree.

        Raises:
            Unreadable: it left nothing that can be read.
            Unavailable: the tool is not installed.
        """
        return await self._findings(paths, "")

    async def new_among(self, found: Sequence[Finding], changed: Sequence[str]) -> tuple[Finding, ...]:
        """Those of ``found`` that did not stand before; all of them where files cannot be shown as they were.

        Args:
            changed: the files of the change that are looked through, also those that are gone.
        """
        before = self.context.before
        if before is None:
            return tuple(found)
        earlier = {path: data for path in changed if (data := await before(path)) is not None}
        if not earlier:
            return tuple(found)
        with tempfile.TemporaryDirectory(prefix="agent-dispatcher-before-", ignore_cleanup_errors=True) as name:
            folder = GuardedFolder(Path(name).resolve())
            for path, data in earlier.items():
                folder.write_bytes(path, data)
            old = await self._findings(sorted(earlier), str(folder.root))
        now = GuardedFolder(self.context.tree.path)
        there = {path: text for path in changed if (text := _text(path, now)) is not None}
        texts = {path: text_of(path, data) or "" for path, data in earlier.items()}
        return await asyncio.to_thread(new_among, found, old, there, texts)

    async def _findings(self, paths: Sequence[str], before: str) -> tuple[Finding, ...]:
        """Of files of the tree, or of their copies in the folder ``before``."""
        context, tree = self.context, self.context.tree.path
        assert context.language is not None
        context.log_dir.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{self.kind}-", dir=context.log_dir))
        results = str(scratch / _RESULTS)
        options = {"results": results, "max_complexity": self.max_complexity}
        try:
            if self.settled and self.kind == "quality":
                command, cwd = self.language.settled_audit_command(paths, before=before, **options), tree
            else:
                command, cwd = self.language.audit_command(self.kind, paths, **options), Path(before or tree)
            environment = await context.language.environment(tree)
            done = await context.sandbox.run(
                command,
                cwd=cwd,
                writable=(scratch,),
                read_only=(tree, *environment.read_only, *([Path(before)] if before else [])),
                env=environment.env,
                limits=_LIMITS,
            )
            data = None if done.limit_hit else read_untrusted(scratch, _RESULTS, max_bytes=_MAX_RESULT_BYTES)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        said = "\n".join(filter(None, (done.stdout, done.stderr)))
        try:
            if data is None:
                raise ValueError(f"it left no results ({done.limit_hit or f'code {done.code}'})")
            found: tuple[Finding, ...] = self.language.findings(self.kind, data)
        except ValueError as error:
            raise Unreadable(str(error), said) from None
        if said.strip() and not before:
            self.said.append(said.strip())
        roots = (Path(before) if before else tree, tree, tree.resolve())
        named = [evolve(each, path=_relative(each.path, roots)) for each in found]
        return tuple(each for each in named if each.path in frozenset(paths))


async def settled_by_others(changed: Sequence[str], context: CheckContext, language: object) -> bool:
    """Whether the repository's own settings are to judge a change: where the language heeds them, and the change has not touched them."""
    if not isinstance(language, AuditingAsSettled) or context.before is None:
        return False
    now = GuardedFolder(context.tree.path)
    for path in changed:
        if language.may_settle(path) and language.settles(path, await context.before(path), _bytes(path, now)):
            return False
    return True


def _bytes(path: str, folder: GuardedFolder) -> bytes | None:
    try:
        return folder.read_bytes(path)
    except (FileNotFoundError, PathRefused):
        return None


def _text(path: str, folder: GuardedFolder) -> str | None:
    data = _bytes(path, folder)
    return None if data is None else text_of(path, data) or ""


def _relative(path: str, roots: Sequence[Path]) -> str:
    for root in roots:
        if Path(path).is_relative_to(root):
            return Path(path).relative_to(root).as_posix()
    return os.path.normpath(path)
