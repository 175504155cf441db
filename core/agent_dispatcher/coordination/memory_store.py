"""A store that forgets: for runs without persistence, and for tests. The same meaning as a real one within one process."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve

from ..errors import Fenced, Held, StoreError
from ..extension.components import Lease, RunFolder
from ..models import Event

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps events, requests and blobs in memory; see :class:`agent_dispatcher.extension.components.Store`."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._epochs: dict[str, int] = {}
        self._owners: dict[str, str] = {}
        self._requests: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self._blobs: dict[str, bytes] = {}

    def holder(self, run: str) -> Held | None:
        owner = self._owners.get(run)
        return Held(run, owner, socket.gethostname(), os.getpid()) if owner is not None else None

    def acquire(self, run: str, owner: str) -> Lease:
        held = self.holder(run)
        if held is not None:
            raise held
        self._epochs[run] = self._epochs.get(run, 0) + 1
        self._owners[run] = owner
        self._events.setdefault(run, [])
        return Lease(run=run, owner=owner, epoch=self._epochs[run])

    def renew(self, lease: Lease) -> None:
        if self._epochs.get(lease.run) != lease.epoch or self._owners.get(lease.run) != lease.owner:
            raise Fenced(f"run {lease.run} was taken over by {self._owners.get(lease.run, 'another process')}")

    def release(self, lease: Lease) -> None:
        if self._owners.get(lease.run) == lease.owner and self._epochs.get(lease.run) == lease.epoch:
            del self._owners[lease.run]

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        self.renew(lease)
        log = self._events[lease.run]
        log += [
            event if event.seq == number else evolve(event, seq=number)
            for number, event in enumerate(events, len(log) + 1)
        ]
        return len(log)

    def read(self, run: str, after: int = 0) -> Iterable[Event]:
        return iter(self._events.get(run, [])[after:])

    def runs(self) -> Sequence[RunFolder]:
        from .run_state import fold

        folders = []
        for run, log in self._events.items():
            state = fold(log)
            now = time.time()
            folders.append(
                RunFolder(
                    run=run,
                    status=state.status,
                    title=str(state.started.get("title", "")),
                    started_at=state.started_at or now,
                    updated_at=state.updated_at or now,
                )
            )
        return folders

    def delete(self, run: str, lease: Lease | None = None) -> None:
        if lease is not None:
            self.renew(lease)
        elif run in self._owners:
            raise Held(run, self._owners[run], socket.gethostname(), os.getpid())
        for table in (self._events, self._requests, self._epochs, self._owners):
            table.pop(run, None)

    def request(self, run: str, command: Mapping[str, Any]) -> int:
        queue = self._requests.setdefault(run, [])
        queue.append((len(queue) + 1, dict(command)))
        return len(queue)

    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]:
        return [(number, command) for number, command in self._requests.get(run, []) if number > after]

    def put_blob(self, data: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return digest

    def get_blob(self, digest: str) -> bytes:
        try:
            return self._blobs[digest]
        except KeyError:
            raise StoreError(f"there is no blob {digest}") from None

    def close(self) -> None:
        """Nothing to give back."""
