"""Stores: the log of each run, fenced by a lease."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from attrs import frozen

from ...models import Event

if TYPE_CHECKING:
    from ...errors import Held

__all__ = ["HolderTeller", "Lease", "RunFolder", "Store"]


@frozen(kw_only=True)
class Lease:
    """The right to record a run's events. A higher ``epoch`` fences off every lower one."""

    run: str
    owner: str
    epoch: int


@frozen(kw_only=True)
class RunFolder:
    """A run as the store lists it: ``status`` is that of its last event."""

    run: str
    status: str
    title: str
    started_at: float
    updated_at: float


class Store(Protocol):
    """Persistence: an append-only log of events per run, fenced by a lease, and blobs by digest. One instance per output folder."""

    def acquire(self, run: str, owner: str) -> Lease:
        """Own the run; :class:`agent_dispatcher.errors.Held` while another live process does (its pid is looked at on the same host,
        its time elsewhere)."""
        ...

    def renew(self, lease: Lease) -> None:
        """Prolong it; :class:`agent_dispatcher.errors.Fenced` when it was taken over."""
        ...

    def release(self, lease: Lease) -> None: ...

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        """Record them all or none, in order, numbered on from the last; returns the last number. :class:`Fenced` when the lease is stale."""
        ...

    def read(self, run: str, after: int = 0) -> Iterable[Event]:
        """Events with a number above ``after``, in order; :class:`agent_dispatcher.errors.StoreError` where the chain is broken."""
        ...

    def runs(self) -> Sequence[RunFolder]: ...

    def delete(self, run: str, lease: Lease | None = None) -> None:
        """Forget the run, its lease too; :class:`Held` while it is owned, by anyone but ``lease`` where one is given, and :class:`Fenced` when that
        is stale."""
        ...

    def request(self, run: str, command: Mapping[str, Any]) -> int:
        """Ask the run's owner for something (pause, cancel, approve, patch); unfenced; returns the request's number."""
        ...

    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]: ...

    def put_blob(self, data: bytes) -> str:
        """Keep bytes; returns ``sha256:<hex>``."""
        ...

    def get_blob(self, digest: str) -> bytes:
        """The bytes, checked against the digest."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class HolderTeller(Protocol):
    """A store that can say who owns a run without taking it."""

    def holder(self, run: str) -> Held | None:
        """What :meth:`Store.acquire` would raise now; ``None`` when it would give the run away. Changes nothing."""
        ...
