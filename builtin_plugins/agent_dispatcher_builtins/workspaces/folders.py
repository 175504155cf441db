"""The workspace ``none``: plain folders, no history, nothing made that nobody writes to.

An attempt starts from a copy of what has landed, its files are kept aside when it is sealed, and copied into the output when it lands. A journal in
``.dispatcher/`` says what is sealed and what landed. For graphs whose tasks write nothing every step is close to free: such work lands without moving the
tip, and is noted together, with the next turn of the loop. What a kill keeps from being noted is landed again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import weakref
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import UsageError, WorkspaceError
from agent_dispatcher.extension import Change, Conflict, Landed, Moved, Opened, Reconciled, Started, Tree
from agent_dispatcher.extension.components import Keep
from agent_dispatcher.failpoints import failpoint
from agent_dispatcher.making import maker
from agent_dispatcher.models import Task
from agent_dispatcher.workspace.path_guard import GuardedFolder

from . import folder_upkeep
from .commits import ref_part
from .empty_folder import EmptyFolder
from .repository import not_writable
from .worktrees import oddities, remove_folder

__all__ = ["FolderWorkspace"]

_START = "start"
_make_change: Callable[[str, int, str, str, str, tuple[str, ...]], Change] = maker(Change)
_PATHS = attrgetter("paths")
_LEFT_BEHIND = ("__pycache__", ".pytest_cache", ".hypothesis", ".mypy_cache", ".ruff_cache")


class FolderWorkspace:
    """See the module's page, and :class:`agent_dispatcher.extension.Workspace` for each method. A commit here is a digest."""

    stacks = True
    selects = True
    batch_size = 128

    def __init__(self) -> None:
        self._run = ""
        self._output = Path()
        self._home = Path()
        self._tip = _START
        self._files: dict[str, str] = {}  # landed path -> digest
        self._at: dict[str, dict[str, str]] = {_START: {}}  # tip -> landed files at that tip
        self._close_journal: weakref.finalize[[int], FolderWorkspace] | None = None
        self._journal = -1
        self._attempts = Path()
        self._opened = 0
        self._staged: Path | None = None  # a folder for trees without files, made once
        self._unnoted: list[str] = []  # tasks that landed without files at this tip and are not in the journal yet

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        """Begin in ``output``, or find what an earlier process left of the run."""
        output = output.resolve()
        if output.exists() and not output.is_dir():
            raise UsageError(f"the output {output} is a file: name a folder")
        self._run, self._output = run, output
        self._home = output / ".dispatcher" / "folders" / ref_part(run)
        self._attempts, self._opened, self._staged = self._home / "attempts", 0, None
        try:
            self._home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(f"the output {output} cannot be made: {error.strerror}") from error
        remove_folder(self._attempts)
        self._mend_journal()
        self._tip, self._files, self._at, self._unnoted = _START, {}, {_START: {}}, []
        for entry in self._entries():
            for tip, _ in _landings(entry):
                self._note_landed(tip, entry.get("files", {}))
        return Started(base=_START, new=not any(child.name != ".dispatcher" for child in output.iterdir()))

    async def problems(self, output: Path) -> tuple[str, ...]:
        """Why a new run could not start in ``output``."""
        return not_writable(output)

    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        """A folder that appears when something is written to it, or that holds what has landed: the newest state, also where an older one is
        asked for; ``Opened.base`` says so."""
        tip = self._tip if base is None else base
        if tip not in self._at:
            raise WorkspaceError(f"there is no state {tip} to start {task.id if task else 'anything'} from")
        if self._at[tip] != self._files:
            tip = self._tip  # of what landed only the newest content is kept
        self._opened += 1
        opened = EmptyFolder(task.id if task else "", attempt, self._attempts, self._opened, tip)
        if self._at[tip]:
            self._copy_tip(self._at[tip], opened.path)
        return opened

    async def seal(
        self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = (), keep: Keep | None = None
    ) -> Change:
        """Keep what was written. Work that wrote nothing leaves nothing, and is what it was made on: there is nothing of it that could be lost."""
        if not self._at[opened.base] and not (_is_known(opened) and os.path.lexists(opened.path)):
            failpoint("workspace.seal")
            failpoint("workspace.sealed")
            return _make_change(opened.task, opened.attempt, "", opened.base, opened.base, ())
        try:
            changed = self._changed(opened)
            if keep is not None and changed:
                changed = {path: changed[path] for path in await keep(sorted(changed))}
        except BaseException:
            remove_folder(opened.path)
            raise
        if changed:
            ref = f"{ref_part(opened.task)}-{opened.attempt}"
            commit = _name(opened.base, opened.task, json.dumps(sorted(changed.items())))
            kept = self._home / "sealed" / ref
            remove_folder(kept)
            kept.parent.mkdir(parents=True, exist_ok=True)
            failpoint("workspace.seal")
            opened.path.rename(kept)
            self._write(
                {
                    "what": "sealed",
                    "task": opened.task,
                    "attempt": opened.attempt,
                    "ref": ref,
                    "commit": commit,
                    "base": opened.base,
                    "files": changed,
                }
            )
        else:
            failpoint("workspace.seal")
            ref, commit = "", opened.base
        failpoint("workspace.sealed")
        return Change(
            task=opened.task,
            attempt=opened.attempt,
            ref=ref,
            commit=commit,
            base=opened.base,
            paths=tuple(sorted(changed)),
        )

    async def discard(self, opened: Opened) -> None:
        """Remove what was written."""
        if _is_known(opened) and opened.path.exists():
            remove_folder(opened.path)

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """The landed files with the changes in a folder of their own; a path that others changed meanwhile is a conflict. What changes nothing is the
        commit it stands on."""
        commit, stack = self._tip, list[Landed]()
        if not any(map(_PATHS, changes)):
            failpoint("workspace.staged")
            return self._same(changes)
        merged = dict(self._files)
        for change, name in zip(changes, _stacked_names(commit, changes), strict=True):
            if not change.paths:
                stack.append(Landed(commit=commit, tree=commit))
                continue
            files = self._sealed_files(change)
            base = self._at.get(change.base, {})
            clashes = [
                path
                for path, digest in files.items()
                if (merged.get(path) != base.get(path) and merged.get(path, "") != digest) or self._is_foreign(path)
            ]
            if clashes:
                names = tuple(sorted(clashes))
                return Conflict(
                    paths=names,
                    base=change.base,
                    ours=commit,
                    theirs=change.commit,
                    detail=f"{', '.join(names)} is there already and is not what {change.task} started from",
                )
            for path, digest in files.items():
                if digest:
                    merged[path] = digest
                else:
                    merged.pop(path, None)
            commit = name
            stack.append(Landed(commit=commit, tree=commit))
        folder = self._staged_folder(changes)
        failpoint("workspace.staged")
        return Tree(tree=commit, commit=commit, tip=self._tip, path=folder, changes=tuple(changes), stack=tuple(stack))

    def _same(self, changes: Sequence[Change]) -> Tree:
        """The landed files as they are, with changes on top that change nothing."""
        tip = self._tip
        stack = (Landed(commit=tip, tree=tip),) * len(changes)
        return Tree(tree=tip, commit=tip, tip=tip, path=self._staged_folder(()), changes=tuple(changes), stack=stack)

    async def content(self, base: str, path: str) -> bytes | None:
        """See :class:`agent_dispatcher.extension.components.Remembering`. Only the tip's files are kept whole."""
        if base != self._tip or path not in self._files:
            return None
        return GuardedFolder(self._output).read_bytes(path)

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Copy the changes into the output and note it."""
        if self._tip != expected_tip:
            return Moved(tip=self._tip)
        failpoint("workspace.land")
        if tree.commit == expected_tip:
            self._note_soon([change.task for change in tree.changes])
            failpoint("workspace.landed")
            return Landed(commit=tree.commit, tree=tree.tree)
        output, landed = GuardedFolder(self._output), list[dict[str, str]]()
        for change in tree.changes:
            if not change.paths:
                landed.append({})
                continue
            kept = GuardedFolder(self._home / "sealed" / change.ref)
            files = self._sealed_files(change)
            for path, digest in sorted(files.items()):
                if digest:
                    output.write_bytes(path, kept.read_bytes(path), mode=kept.mode(path))
                elif output.exists(path):
                    output.delete(path)
            landed.append(files)
        places = list(zip(tree.changes, tree.stack, landed, strict=True))
        self._write(
            *(
                {"what": "landed", "tip": place.commit, "tasks": [change.task], "files": files}
                for change, place, files in places
            )
        )
        for _, place, files in places:
            self._note_landed(place.commit, files)
        failpoint("workspace.landed")
        return Landed(commit=tree.commit, tree=tree.tree)

    async def reconcile(self, run: str) -> Reconciled:
        """What the journal says."""
        if run != self._run:
            raise WorkspaceError(f"this workspace was started for run {self._run}, not {run}")
        remove_folder(self._attempts)
        self._write()
        landed: dict[str, Landed] = {}
        sealed: dict[tuple[str, int], Change] = {}
        for entry in self._entries():
            if entry["what"] != "sealed":
                for tip, tasks in _landings(entry):
                    landed.update((task, Landed(commit=tip, tree=tip)) for task in tasks)
            elif (self._home / "sealed" / entry["ref"]).is_dir():
                sealed[entry["task"], entry["attempt"]] = Change(
                    task=entry["task"],
                    attempt=entry["attempt"],
                    ref=entry["ref"],
                    commit=entry["commit"],
                    base=entry["base"],
                    paths=tuple(sorted(entry["files"])),
                )
        waiting = {key: change for key, change in sealed.items() if key[0] not in landed}
        return Reconciled(landed=landed, sealed=waiting, tip=self._tip)

    async def checkout_tip(self) -> Tree:
        """A copy of what has landed."""
        return self._same(())

    async def finish(self, status: str) -> str:
        """Remove the working folders; the journal and what was sealed stay."""
        failpoint("workspace.finish")
        self._write()
        remove_folder(self._attempts)
        remove_folder(self._home / "staged")
        self._staged = None
        failpoint("workspace.finished")
        return self._tip

    async def aclose(self) -> None:
        """Close the journal."""
        self._write()
        if self._close_journal is not None:
            self._close_journal()
            self._close_journal = None

    # --- when nobody is at work on the run (see ``agent_dispatcher.extension.upkeep``) -------------------------------

    async def lost_with(self, run: str, output: Path) -> Sequence[str]:
        """What was sealed and never landed."""
        return folder_upkeep.lost_with(run, output)

    async def remove_run(self, run: str, output: Path) -> None:
        """Remove its journal and what was sealed."""
        folder_upkeep.remove_run(run, output)

    async def pack(self, run: str, output: Path, folder: Path) -> None:
        """The journal, what was sealed, and what landed."""
        folder_upkeep.pack(run, output, folder)

    async def unpack(self, run: str, output: Path, folder: Path) -> None:
        """Put them where :meth:`start` looks."""
        folder_upkeep.unpack(run, output.resolve(), folder)

    def _changed(self, opened: Opened) -> dict[str, str]:
        """Path to digest of what the attempt changed; ``""`` for a deleted file."""
        before = self._at[opened.base]
        after: dict[str, str] = {}
        if opened.path.exists():
            odd = oddities(opened.path, links=False)
            if odd:
                raise WorkspaceError("the attempt left what cannot be kept: " + "; ".join(odd[:5]))
            folder = GuardedFolder(opened.path)
            after = {path: _digest(folder, path) for path in folder.files() if not _left_behind(path)}
        return {path: after.get(path, "") for path in {*before, *after} if before.get(path) != after.get(path)}

    def _staged_folder(self, changes: Sequence[Change]) -> Path:
        empty = not self._files and not changes
        if empty and self._staged is not None:
            return self._staged
        path = self._home / "staged"
        remove_folder(path)
        path.mkdir()
        self._staged = path if empty else None
        self._copy_tip(self._files, path)
        target = GuardedFolder(path)
        for change in changes:
            kept = GuardedFolder(self._home / "sealed" / change.ref)
            for name, digest in self._sealed_files(change).items():
                if digest:
                    target.write_bytes(name, kept.read_bytes(name), mode=kept.mode(name))
                elif target.exists(name):
                    target.delete(name)
        return path

    def _copy_tip(self, files: dict[str, str], path: Path) -> None:
        for name in files:
            source = self._output / name
            if source.is_file() and not source.is_symlink():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, path / name)

    def _sealed_files(self, change: Change) -> dict[str, str]:
        """Changed path -> digest, ``""`` for a deleted one; read from the kept folder, which nobody writes to any more."""
        if not change.paths:
            return {}
        kept = GuardedFolder(self._home / "sealed" / change.ref)
        return {path: _digest(kept, path) if kept.exists(path) else "" for path in change.paths}

    def _is_foreign(self, path: str) -> bool:
        """Whether the output holds a file there that did not come from this run."""
        return path not in self._files and os.path.lexists(self._output / path) and not self._half_landed(path)

    def _half_landed(self, path: str) -> bool:
        """Whether a landing that was cut short may have written it: some sealed work has exactly this file."""
        output = GuardedFolder(self._output)
        if not output.exists(path):
            return False
        digest = _digest(output, path)
        return any(entry["what"] == "sealed" and entry["files"].get(path) == digest for entry in self._entries())

    def _note_landed(self, tip: str, files: dict[str, str]) -> None:
        if files:
            self._files = {**self._files, **{path: digest for path, digest in files.items() if digest}}
            for path, digest in files.items():
                if not digest:
                    self._files.pop(path, None)
        self._tip = tip
        self._at[tip] = self._files

    def _note_soon(self, tasks: list[str]) -> None:
        """Note that these landed without files, together with others of this turn."""
        if not self._unnoted:
            asyncio.get_running_loop().call_soon(self._write_unnoted)
        self._unnoted += tasks

    def _write_unnoted(self) -> None:
        with contextlib.suppress(WorkspaceError, OSError):  # tried again with the next entry, and at the end
            self._write()

    def _write(self, *news: dict[str, Any]) -> None:
        """Note what landed without files until now, and the news."""
        unnoted = self._unnoted
        earlier = ({"what": "landed_empty", "landings": [(self._tip, unnoted)]},) if unnoted else ()
        entries = (*earlier, *news)
        if not entries:
            return
        if self._close_journal is None:
            self._journal = os.open(
                self._home / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666
            )
            self._close_journal = weakref.finalize(self, os.close, self._journal)
        lines = "".join(json.dumps(one) + "\n" for one in entries).encode()
        written = os.write(self._journal, lines)
        if written != len(lines):
            os.ftruncate(self._journal, os.fstat(self._journal).st_size - written)
            raise WorkspaceError(f"the disk that holds {self._home} is full: make room, then resume the run")
        self._unnoted = []

    def _entries(self) -> list[dict[str, Any]]:
        try:
            text = (self._home / "journal").read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def _mend_journal(self) -> None:
        """Drop a last line that a kill cut short: what it says had not happened yet."""
        journal = self._home / "journal"
        if journal.exists():
            data = journal.read_bytes()
            whole = data.rfind(b"\n") + 1
            if whole != len(data):
                with journal.open("r+b") as file:
                    file.truncate(whole)


def _landings(entry: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """Tip and tasks of what an entry of the journal says has landed."""
    if entry["what"] == "landed":
        return [(entry["tip"], entry["tasks"])]
    return entry["landings"] if entry["what"] == "landed_empty" else []


def _digest(folder: GuardedFolder, path: str) -> str:
    return hashlib.sha256(folder.read_bytes(path)).hexdigest()


def _name(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _stacked_names(tip: str, changes: Sequence[Change]) -> list[str]:
    """The commits of changes on top of a tip: the digest of all of them, and the place of each."""
    parts = [tip]
    for change in changes:
        parts += (change.task, change.commit)
    digest = _name(*parts)
    return [f"{digest[:-4]}{place:04x}" for place in range(len(changes))] if len(changes) > 1 else [digest]


def _is_known(opened: Opened) -> bool:
    """Whether anybody could have put something there."""
    return not isinstance(opened, EmptyFolder) or opened.known is not None


def _left_behind(path: str) -> bool:
    return any(part in _LEFT_BEHIND for part in path.split("/")) or path.endswith(".pyc")
