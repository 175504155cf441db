"""The state of one run: who owns it, what has happened, what was asked for from outside.

The event log in the store is the only truth. :class:`StateManager` gathers the events of one turn of the loop and records them in one
transaction; whoever watches is told afterwards. Nothing is kept here that could not be folded from the log. The owner of a run alone records, so
what it has read once, checked, and recorded since is the log: it is not read again.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from attrs import evolve

from ..errors import StoreError, UsageError
from ..extension.components import Lease, Store
from ..extension.upkeep import LateStore
from ..failpoints import failpoint
from ..models import Event
from ..models.event import make_event
from .run_state import RunState, fold

__all__ = ["LASTING", "Observer", "StateManager", "request"]

log = logging.getLogger(__name__)

Observer = Callable[[Sequence[Event]], None]

#: Requests that count for whoever owns the run next, too.
LASTING = frozenset({"approve", "reject", "patch"})
_COMMANDS = frozenset({"pause", "cancel"}) | LASTING

#: Events that the dispatcher makes of names, digests and what was cleaned before: there is no key in them to be looked for.
_CLEAN = frozenset(
    {
        "run.started",
        "run.resumed",
        "run.prepared",
        "attempt.started",
        "attempt.sealed",
        "attempt.landed",
        "attempt.retry",
        "attempt.due",
        "approval.requested",
        "landing.stopped",
        "patch.proposed",
        "plan.patched",
        "task.completed",
        "task.blocked",
        "task.freed",
    }
)


class StateManager:
    """Owns a run and records what happens in it.

    Args:
        store: where; :class:`~agent_dispatcher.coordination.memory_store.MemoryStore` keeps nothing.
        run: the run's id.
        owner: shown to whoever finds the run held; made unique here.
        renew_s: seconds between renewals of the lease.
        clean: takes keys out of what is recorded; gives the same object where there are none.
        now, monotonic: clocks; the first only stamps events.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        *,
        owner: str | None = None,
        renew_s: float = 10.0,
        clean: Callable[[Any], Any] | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.run = run
        self._owner = f"{owner or f'agent-dispatcher on {socket.gethostname()}'} #{os.urandom(4).hex()}"
        self._renew_s = renew_s
        self._clean = clean
        self._now = now
        self._monotonic = monotonic
        self._lease: Lease | None = None
        self._buffer: list[Event] = []
        self._observers: list[Observer] = []
        self._last_seq = 0
        self._log: list[Event] | None = None  # the whole log, as soon as it was read, or begun here
        self._folded = RunState()
        self._assured_at = self._renewed_at = monotonic()
        self._requests_seen = 0
        self._unanswered: list[dict[str, Any]] = []

    # --- owning ---------------------------------------------------------------------------------------------------

    def open(self, known: Iterable[Event] = ()) -> StateManager:
        """Take the lease; returns itself.

        Args:
            known: the beginning of the run's log, or all of it, as the store gave it just now: that much is not read again.

        Raises:
            Held: another live process owns the run.
            StoreError: its log is damaged.
        """
        self._lease = self.store.acquire(self.run, self._owner)
        failpoint("lease.acquired")
        log = list(known)
        if log:
            self._log = [*log, *self.store.read(self.run, len(log))]
        self._renewed_at = self._assured_at = self._monotonic()
        requests = self.store.requests(self.run)
        self._requests_seen = requests[-1][0] if requests else 0
        self._unanswered = [command for _, command in requests if command.get("command") in LASTING]
        return self

    @property
    def lease(self) -> Lease:
        """The lease; :class:`StoreError` when the run is not owned."""
        if self._lease is None:
            raise StoreError(f"run {self.run} is not open: call open() before recording anything")
        return self._lease

    def verify(self) -> None:
        """Make sure that this process still owns the run; :class:`agent_dispatcher.errors.Fenced` when not."""
        self.store.renew(self.lease)
        self._renewed_at = self._assured_at = self._monotonic()

    def assure(self, within_s: float = 1.0) -> None:
        """As :meth:`verify`, but content with a recording or renewal less than ``within_s`` ago."""
        if self._monotonic() - self._assured_at > within_s:
            self.verify()

    def keep(self) -> None:
        """What is due from time to time: renew the lease."""
        if self._monotonic() - self._renewed_at >= self._renew_s:
            self.verify()

    def close(self) -> None:
        """Record what is left and give the lease back. Harmless when the run was taken over or never opened."""
        if self._lease is None:
            return
        lease = self._lease
        for step in (self.flush, lambda: self.store.release(lease)):
            try:
                step()
            except StoreError as error:
                log.warning("run %s could not be closed properly: %s", self.run, error)
            failpoint("lease.closing")
        self._lease = None

    # --- recording ------------------------------------------------------------------------------------------------

    def append(
        self, type: str, *, task: str | None = None, attempt: int | None = None, data: dict[str, Any] | None = None
    ) -> int:
        """Gather an event for the next :meth:`flush`; ``data`` holds JSON values and must not be changed afterwards. Keys in it are taken out.

        Returns:
            The number the event will have; 0 before the first :meth:`flush` or :meth:`state` of this process.
        """
        buffer = self._buffer
        if data and self._clean is not None and type not in _CLEAN:
            data = self._clean(data)
        seq = self._last_seq + len(buffer) + 1 if self._last_seq else 0
        buffer.append(make_event(self.run, type, self._now(), seq, task, attempt, {} if data is None else data))
        return seq

    def clean(self, value: Any) -> Any:
        """A JSON value as it will be recorded: for what is handed out as well, which is to be the same."""
        return value if self._clean is None else self._clean(value)

    @property
    def pending(self) -> bool:
        """Whether there is something to record."""
        return bool(self._buffer)

    @property
    def late_store(self) -> LateStore | None:
        """The store, where it is to record at once and to flush the disk later."""
        store = self.store
        return store if isinstance(store, LateStore) and store.syncs_late else None

    def flush(self, *, soon: bool = False) -> int:
        """Record what was gathered, all or nothing, then tell the observers.

        Args:
            soon: of a late store: a power cut may take this record back until its ``sync``, called afterwards, has returned. Observers are told at once.

        Returns:
            The number of the last event.

        Raises:
            Fenced: the run was taken over; nothing was recorded.
            StoreError: the store cannot record; nothing was recorded.
        """
        if not self._buffer:
            return self._last_seq
        failpoint("flush.before")
        batch = self._buffer
        late = self.late_store if soon else None
        last = self.store.append(self.lease, batch) if late is None else late.append_soon(self.lease, batch)
        self._buffer = []
        failpoint("flush.after")
        self._assured_at = self._monotonic()
        self._last_seq = last
        if not batch[0].seq:  # the first of this process: nobody knew the number of the last one
            batch = [evolve(event, seq=number) for number, event in enumerate(batch, last - len(batch) + 1)]
        if self._log is not None:
            self._log += batch
        elif last == len(batch):
            self._log = batch
        if self._observers:
            for observer in self._observers:
                try:
                    observer(tuple(batch))
                except Exception:
                    log.warning("an observer of run %s raised; the run goes on", self.run, exc_info=True)
        return last

    def subscribe(self, observer: Observer) -> None:
        """Call ``observer`` with each batch after it was recorded; what it raises is logged."""
        self._observers.append(observer)

    # --- reading --------------------------------------------------------------------------------------------------

    def events(self, after: int = 0) -> Iterable[Event]:
        """Recorded events with a number above ``after``, in order; :class:`StoreError` where the log was damaged when this process read it."""
        if self._lease is None:
            return self.store.read(self.run, after)
        if self._log is None:
            self._log = list(self.store.read(self.run))
        return islice(self._log, after, None)

    def state(self) -> RunState:
        """What the recorded events add up to; what was gathered is recorded first. While the run is owned, the value goes on with it."""
        if self._lease is None:
            return fold(self.events())
        self.flush()
        state = fold(self.events(self._folded.last_seq), self._folded)
        self._last_seq = state.last_seq
        return state

    @property
    def last_seq(self) -> int:
        """Number of the last recorded event, as far as this process knows."""
        return self._last_seq

    def requests(self) -> list[dict[str, Any]]:
        """What other processes asked for since the last call; the first time, approvals, refusals and patches of the time before too.

        To pause or to cancel is asked of the process that is at work; an approval is about the work and a patch about the plan, and both last.
        """
        found = self.store.requests(self.run, self._requests_seen)
        if found:
            self._requests_seen = found[-1][0]
        earlier, self._unanswered = self._unanswered, []
        return [*earlier, *(command for _, command in found)]

    # --- plans and specifications ---------------------------------------------------------------------------------

    def put_value(self, value: object) -> str:
        """Keep a value of the models (a plan, a specification) as JSON; returns its digest."""
        from ..codec import to_json

        text = to_json(value, sparse=True)
        return self.store.put_blob(text.encode())

    def get_value(self, digest: str, cls: type[Any]) -> Any:
        """The value kept under ``digest``, checked against the digest and the class."""
        from ..codec import from_json

        return from_json(self.store.get_blob(digest), cls, where=f"blob {digest} of run {self.run}")


def request(store: Store, run: str, command: Mapping[str, Any]) -> int:
    """Ask the owner of ``run`` for something from another process: ``{"command": "pause"}``, ``{"command": "cancel"}``, or what
    :func:`agent_dispatcher.coordination.approvals.approval`, ``refusal`` and :func:`agent_dispatcher.coordination.patches.patch_request` give.

    Raises:
        UsageError: the command is unknown.
    """
    if command.get("command") not in _COMMANDS:
        raise UsageError(
            f"unknown request {dict(command)!r}: a run can be asked to pause, to cancel or to change its plan, or be told what is approved or refused"
        )
    return store.request(run, command)
