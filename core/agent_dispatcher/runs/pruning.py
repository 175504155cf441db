"""Removing runs: which ones, what stands against it, and everything that is kept of them.

A run is removed only by its owner: the lease is taken first, and held until the store forgets the run together with it, so that no process can be at work on it or
take it up meanwhile. The store forgets it last: what a kill interrupts is found and finished by the next prune.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from attrs import evolve, field, frozen

from ..errors import DispatcherError, Held, StoreError, WorkspaceError
from ..extension.components import Store
from ..extension.registry import Components, Registry
from ..extension.upkeep import Compactor, RunRemover
from .history import forget_durations
from .index import STATE_FOLDER, forget_run, known_runs
from .records import Records

__all__ = ["ENDED", "GONE", "Candidate", "Choice", "Pruner"]

#: Statuses of runs that nothing goes on with.
ENDED = frozenset({"completed", "partial", "failed", "cancelled"})
#: Status of a run in the user's index whose output is no longer there.
GONE = "gone"


@frozen(kw_only=True)
class Choice:
    """Which runs are meant; every condition must hold.

    Attributes:
        runs: ids; empty for all.
        older_than_s: the last thing happened at least so long ago.
        keep: the newest so many of what the other conditions leave are kept.
        statuses: of the run; only runs that have ended, unless others are named.
    """

    runs: frozenset[str] = frozenset()
    older_than_s: float = 0.0
    keep: int = 0
    statuses: frozenset[str] = ENDED


@frozen(kw_only=True)
class Candidate:
    """A run and what became of it.

    Attributes:
        outcome: ``removed``, ``would_be_removed`` (a dry run) or ``kept``.
        why: what speaks against its removal, or failed at it.
    """

    run: str
    output: Path
    title: str
    status: str
    updated_at: float
    outcome: str = "kept"
    why: tuple[str, ...] = field(default=(), converter=tuple[str, ...])


class Pruner:
    """Finds runs and removes them.

    Args:
        registry: says which store is used, and which workspaces there are: whichever has something of a run is asked.
        records: opens stores.
    """

    def __init__(self, registry: Registry, records: Records) -> None:
        self._registry = registry
        self._records = records

    def candidates(self, choice: Choice, output: Path | None, *, now: float | None = None) -> tuple[Candidate, ...]:
        """The runs that are meant, oldest first.

        Args:
            output: an output folder; ``None`` for all runs in the user's index.
        """
        now = time.time() if now is None else now
        found = [
            each
            for each in (self._in_index() if output is None else self._in_folder(output))
            if (not choice.runs or each.run in choice.runs)
            and each.status in choice.statuses
            and now - each.updated_at >= choice.older_than_s
        ]
        found.sort(key=lambda each: (each.updated_at, each.run))
        return tuple(found[: len(found) - choice.keep] if choice.keep else found)

    async def prune(
        self, candidates: Iterable[Candidate], *, dry_run: bool = False, force: bool = False
    ) -> tuple[Candidate, ...]:
        """Remove them, each by itself; what cannot be removed stays whole as far as that is known beforehand.

        Args:
            dry_run: only say what would become of them.
            force: also where work is lost with them. A run that somebody is at work on is never removed.
        """
        done, outputs = [], []
        for each in candidates:
            try:
                why = await self._remove(each, dry_run=dry_run, force=force)
            except (DispatcherError, OSError) as error:
                why = [str(error)]
            outcome = "kept" if why else "would_be_removed" if dry_run else "removed"
            done.append(evolve(each, outcome=outcome, why=why))
            if outcome == "removed" and each.status != GONE:
                outputs.append(each.output)
        for output in dict.fromkeys(outputs):
            self._compact(output)
        return tuple(done)

    # --- finding --------------------------------------------------------------------------------------------------

    def _in_folder(self, output: Path) -> Sequence[Candidate]:
        return [
            Candidate(run=row.run, output=output, title=row.title, status=row.status, updated_at=row.updated_at)
            for row in self._records.runs(output)
        ]

    def _in_index(self) -> Sequence[Candidate]:
        known: dict[Path, dict[str, Candidate]] = {}
        found = []
        for entry in known_runs():
            gone = Candidate(
                run=entry.run, output=entry.output, title=entry.title, status=GONE, updated_at=entry.started_at
            )
            if not (entry.output / STATE_FOLDER).is_dir():
                found.append(gone)
                continue
            if entry.output not in known:
                try:
                    known[entry.output] = {each.run: each for each in self._in_folder(entry.output)}
                except StoreError:  # one that cannot be read holds runs that nobody can judge
                    known[entry.output] = {}
                    continue
            found.append(known[entry.output].get(entry.run, gone))
        return found

    # --- removing -------------------------------------------------------------------------------------------------

    async def _remove(self, candidate: Candidate, *, dry_run: bool, force: bool) -> Sequence[str]:
        """Why it was kept; empty when it was removed."""
        if candidate.status == GONE:
            if not dry_run:
                self._forget(candidate)
            return ()
        scope = self._registry.scope(candidate.output / STATE_FOLDER)
        store = self._records.open(candidate.output)
        try:
            lease, deleted = store.acquire(candidate.run, "prune"), False
            try:
                remover = [each for each in self._workspaces(scope) if isinstance(each, RunRemover)]
                if not force:
                    lost = [text for each in remover for text in await each.lost_with(candidate.run, candidate.output)]
                    if lost:
                        return lost
                if dry_run:
                    return ()
                for each in remover:
                    store.renew(lease)
                    await each.remove_run(candidate.run, candidate.output)
                store.renew(lease)
                self._remove_files(candidate)
                store.delete(candidate.run, lease)
                deleted = True
            finally:
                if not deleted:
                    store.release(lease)
            self._forget(candidate)
            return ()
        except Held as held:
            return [
                f"process {held.pid} on {held.host} is at work on it: 'agent-dispatcher cancel {candidate.run}' ends it"
            ]
        finally:
            store.close()
            await scope.aclose()

    def _workspaces(self, scope: Components) -> Sequence[object]:
        """Every workspace that can be had: the run may be of another one than is active now."""
        found = []
        for name in dict.fromkeys(offered.name for offered in self._registry.offers("workspace")):
            try:
                found.append(scope.get("workspace", name))
            except DispatcherError:
                continue
        return found

    def _remove_files(self, candidate: Candidate) -> None:
        data = candidate.output / STATE_FOLDER
        folder = data / "runs" / candidate.run
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        points = data / self._registry.config.state_manager.checkpoint_dir
        own = re.compile(re.escape(candidate.run) + r"-\d+\.(json|zip|tmp)")
        for path in points.iterdir() if points.is_dir() else ():
            if own.fullmatch(path.name):
                path.unlink(missing_ok=True)
        if folder.exists():
            raise WorkspaceError(f"{folder} could not be removed")

    @staticmethod
    def _forget(candidate: Candidate) -> None:
        forget_durations(candidate.run)
        forget_run(candidate.run)

    def _compact(self, output: Path) -> None:
        store: Store = self._records.open(output)
        try:
            if isinstance(store, Compactor):
                store.compact()
        finally:
            store.close()
