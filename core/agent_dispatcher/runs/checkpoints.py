"""Checkpoints of runs: written while a run goes on, taken up again on any machine.

What a checkpoint holds is a beginning of the log, and of the workspace at least what that beginning speaks of: the workspace is packed after the events were taken, and
what it has beyond them is found when the run goes on, as after any crash.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..coordination.run_state import fold
from ..coordination.state_manager import LASTING
from ..errors import StoreError, UsageError, WorkspaceError
from ..extension.components import Store
from ..extension.upkeep import RunMover
from ..failpoints import failpoint
from ..models import Event
from .checkpoint_file import Checkpoint, Contents, OpenCheckpoint, write_checkpoint

__all__ = ["Checkpoints", "Packing", "Target", "pack_run", "unpack_run"]

log = logging.getLogger(__name__)

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
#: So many files of a run are kept; older ones say nothing that the newest does not.
_KEPT = 2
#: Writing checkpoints takes at most one part in so many of the time.
_SHARE = 20


@frozen(kw_only=True)
class Packing:
    """A run, and what is needed to pack it.

    Attributes:
        run_dir: its evidence and reports.
        workspace: the workspace in use, ``workspace_name`` what it is called.
        configuration: what is configured and matters to whoever goes on.
    """

    run: str
    output: Path
    run_dir: Path
    store: Store
    workspace: object
    workspace_name: str
    configuration: dict[str, Any] = field(factory=dict)


async def pack_run(packing: Packing, events: Sequence[Event], path: Path) -> None:
    """Write a checkpoint of a run; the run may go on meanwhile. The archive is made in a thread.

    Args:
        events: its log, as it is now.

    Raises:
        OSError: the file cannot be written.
        WorkspaceError: the workspace cannot be packed.
    """
    if not events:
        raise UsageError(f"run {packing.run} has not begun: there is nothing to keep of it")
    contents = Contents(
        events=events,
        requests=[command for _, command in packing.store.requests(packing.run) if command.get("command") in LASTING],
        blobs={digest: packing.store.get_blob(digest) for digest in _named(events[0].data)},
    )
    state = fold(events)
    about = Checkpoint(
        run=packing.run,
        seq=events[-1].seq,
        at=time.time(),
        title=str(state.started.get("title", "")),
        status=state.status,
        output=str(packing.output),
        workspace=packing.workspace_name,
        program=metadata.version("agent-dispatcher"),
        configuration=packing.configuration,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".packing-{packing.run}-", dir=path.parent) as place:
        if isinstance(packing.workspace, RunMover):
            await packing.workspace.pack(packing.run, packing.output, Path(place))
        else:
            log.warning("workspace %r cannot be moved: the checkpoint holds no work", packing.workspace_name)
        await asyncio.to_thread(write_checkpoint, path, about, contents, run_dir=packing.run_dir, workspace=Path(place))


@frozen(kw_only=True)
class Target:
    """Where a run is to be unpacked.

    Attributes:
        run_dir: where its evidence and reports go.
        known: there is a store already, which may have the run.
    """

    output: Path
    run_dir: Path
    workspace: object
    open_store: Callable[[], Store]
    known: bool = False


async def unpack_run(opened: OpenCheckpoint, target: Target) -> None:
    """Make a run out of a checkpoint that was read, such that it can be resumed. The store has it last: killed before, it can be called again.

    Raises:
        UsageError: the run is there already.
        WorkspaceError: the output cannot take the work; nothing was made there.
    """
    run, contents = opened.about.run, opened.contents
    if target.known:
        with contextlib.closing(target.open_store()) as store:
            if any(listed.run == run for listed in store.runs()):
                raise UsageError(
                    f"run {run} is in {target.output} already: 'agent-dispatcher resume --output {target.output} {run}' goes on with it"
                )
    with tempfile.TemporaryDirectory(prefix="agent-dispatcher-") as place:
        await asyncio.to_thread(opened.extract_workspace, Path(place))
        if isinstance(target.workspace, RunMover):
            await target.workspace.unpack(run, target.output, Path(place))
        elif any(Path(place).iterdir()):
            raise WorkspaceError("the workspace in use cannot take up a run from elsewhere")
    failpoint("unpack.workspace")
    await asyncio.to_thread(opened.extract_run, target.run_dir)
    with contextlib.closing(target.open_store()) as store:
        lease = store.acquire(run, "unpacking")
        try:
            for digest, data in contents.blobs.items():
                if store.put_blob(data) != digest:
                    raise StoreError(f"the store in {target.output} names what it keeps otherwise than {digest}")
            for command in contents.requests:
                store.request(run, command)
            store.append(lease, contents.events)
            failpoint("unpack.recorded")
        finally:
            store.release(lease)


class Checkpoints:
    """Writes checkpoints of a run from time to time.

    Args:
        packing: the run.
        folder: where they go: ``RUN-NUMBER.zip``, by the number of the last event.
        interval_s: seconds between two, 0 for none; more where writing takes long.
        events: the log so far.
    """

    def __init__(
        self, packing: Packing, folder: Path, interval_s: float, events: Callable[[], Sequence[Event]]
    ) -> None:
        self._packing = packing
        self._folder = folder
        self._interval_s = interval_s
        self._events = events

    @contextlib.asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """While the context lasts, checkpoints are written; one that is half written when it ends comes to nothing."""
        if self._interval_s <= 0:
            yield
            return
        self._sweep()
        job = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            job.cancel()
            await asyncio.wait([job])

    async def _serve(self) -> None:
        wait = self._interval_s
        while True:
            await asyncio.sleep(wait)
            began = time.monotonic()
            await self.write()
            wait = max(self._interval_s, _SHARE * (time.monotonic() - began))

    async def write(self) -> Path | None:
        """Write one now; ``None`` with a warning when that fails: a run does not end because a copy of it could not be made."""
        events = self._events()
        path = self._folder / f"{self._packing.run}-{events[-1].seq if events else 0:08d}.zip"
        try:
            await pack_run(self._packing, events, path)
            self._thin()
        except Exception as error:  # also what a workspace of a stranger raises
            log.warning("checkpoint %s could not be written: %s", path, error)
            log.debug("the reason", exc_info=True)
            return None
        return path

    def _sweep(self) -> None:
        """Remove what a process that was killed left half packed."""
        for path in self._folder.glob(f".packing-{self._packing.run}-*") if self._folder.is_dir() else ():
            shutil.rmtree(path, ignore_errors=True)

    def _thin(self) -> None:
        own = re.compile(re.escape(self._packing.run) + r"-\d+\.zip")
        for path in sorted(path for path in self._folder.iterdir() if own.fullmatch(path.name))[:-_KEPT]:
            path.unlink(missing_ok=True)


def _named(value: object) -> list[str]:
    """The blobs that a value names, in order."""
    if isinstance(value, dict):
        return [digest for each in value.values() for digest in _named(each)]
    if isinstance(value, list):
        return [digest for each in value for digest in _named(each)]
    return [value] if isinstance(value, str) and _DIGEST.fullmatch(value) else []
