"""The store: a folder with a log, a lease and a list of requests per run, and blobs under their digests.

::

    jsonl/version  jsonl/lock
    jsonl/runs/<run>.jsonl  <run>.lease  <run>.requests
    jsonl/blobs/<hex>

Everything that writes holds the one lock; readers need none.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from agent_dispatcher.errors import Fenced, Held, StoreError
from agent_dispatcher.extension import Lease, RunFolder
from agent_dispatcher.models import Event
from attrs import asdict

from .files import explained, locked, replace, write_at
from .lines import Head, encode, read_lines
from .options import JsonlOptions
from .owner import Holder, this_process

__all__ = ["VERSION", "JsonlStore"]

#: Version of what is in the folder.
VERSION = "1"
_STATUS = {"run.started": "executing", "run.resumed": "executing", "run.paused": "paused"}
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class JsonlStore:
    """See :class:`agent_dispatcher.extension.components.Store`.

    Args:
        data_dir: the folder ``jsonl`` is made in it.

    Raises:
        StoreError: the folder cannot be used, or a newer version wrote it.
    """

    def __init__(self, data_dir: Path, options: JsonlOptions | None = None) -> None:
        self._options = options or JsonlOptions()
        self._home = data_dir / "jsonl"
        self._heads: dict[str, Head] = {}
        version = self._home / "version"
        with explained(self._home):
            for folder in ("runs", "blobs"):
                (self._home / folder).mkdir(parents=True, exist_ok=True)
            with locked(self._home / "lock"):
                if not version.exists():
                    replace(version, VERSION.encode())
            found = version.read_text(encoding="utf-8", errors="replace").strip()
        if found != VERSION:
            raise StoreError(f"{version}: version {found!r} is not {VERSION!r}: use the package that wrote it")

    # --- leases -------------------------------------------------------------------------------------------------------

    def acquire(self, run: str, owner: str) -> Lease:
        """Own the run; :class:`Held` while a process that may be alive does."""
        with self._writing():
            holder = self._holder(run)
            if holder.is_alive(self._options.lease_s):
                raise Held(run, holder.owner, holder.host, holder.pid)
            self._set_holder(run, this_process(owner, holder.epoch + 1))
        return Lease(run=run, owner=owner, epoch=holder.epoch + 1)

    def renew(self, lease: Lease) -> None:
        """Prolong it; :class:`Fenced` when it was taken over."""
        with self._writing():
            self._check(lease)
            self._set_holder(lease.run, this_process(lease.owner, lease.epoch))

    def release(self, lease: Lease) -> None:
        """Give it back; harmless when it was taken over."""
        with self._writing():
            holder = self._holder(lease.run)
            if (holder.owner, holder.epoch) == (lease.owner, lease.epoch):
                self._set_holder(lease.run, holder.freed())

    def _check(self, lease: Lease) -> None:
        holder = self._holder(lease.run)
        if (holder.owner, holder.epoch) != (lease.owner, lease.epoch):
            who = f"{holder.owner} (process {holder.pid} on {holder.host})" if holder.owner else "another process"
            raise Fenced(f"run {lease.run} was taken over by {who}: nothing this process does for it counts any more")

    def _holder(self, run: str) -> Holder:
        file = self._file(run, "lease")
        try:
            return Holder(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return Holder()
        except (ValueError, TypeError) as error:
            raise StoreError(f"{file} is damaged ({error}): put back a copy, or begin a new run") from error

    def _set_holder(self, run: str, holder: Holder) -> None:
        replace(self._file(run, "lease"), json.dumps(asdict(holder)).encode())

    # --- events -------------------------------------------------------------------------------------------------------

    def append(self, lease: Lease, events: Sequence[Event]) -> int:
        """Record them all or none, as one line; :class:`Fenced` when the lease is stale."""
        with self._writing():
            self._check(lease)
            head = self._head(lease.run)
            if not events:
                return head.seq
            line, after = encode(head, lease.run, lease.epoch, events)
            write_at(self._file(lease.run, "jsonl"), head.size, line, sync=self._options.sync)
        self._heads[lease.run] = after
        return after.seq

    def _head(self, run: str) -> Head:
        """Where the log ends: as remembered while the file has that size, else read and verified."""
        file = self._file(run, "jsonl")
        size = file.stat().st_size if file.exists() else 0
        head = self._heads.get(run, Head())
        if head.size != size:
            head = Head()
            for head, _ in read_lines(file, run):  # noqa: B007 - the last one is wanted
                pass
        return head

    def read(self, run: str, after: int = 0) -> Iterator[Event]:
        """Events above ``after``; every line from the first on is verified."""
        with explained(self._home):
            for head, events in read_lines(self._file(run, "jsonl"), run):
                if head.seq > after:
                    yield from (event for event in events if event.seq > after)

    # --- runs, requests, blobs ----------------------------------------------------------------------------------------

    def runs(self) -> Sequence[RunFolder]:
        """All runs that have begun, oldest first; one whose log is damaged is listed with what can be read of it."""
        with explained(self._home):
            found = [_listed(file) for file in sorted((self._home / "runs").glob("*.jsonl"))]
        return sorted((each for each in found if each is not None), key=lambda each: (each.started_at, each.run))

    def delete(self, run: str, lease: Lease | None = None) -> None:
        """Forget a run; :class:`Held` while it is owned by anyone but ``lease``."""
        with self._writing():
            holder = self._holder(run)
            if lease is not None:
                self._check(lease)
            elif holder.is_alive(self._options.lease_s):
                raise Held(run, holder.owner, holder.host, holder.pid)
            for suffix in ("jsonl", "requests", "lease"):
                self._file(run, suffix).unlink(missing_ok=True)
        self._heads.pop(run, None)

    def request(self, run: str, command: Mapping[str, Any]) -> int:
        """Ask the run's owner for something; returns the request's number."""
        line = json.dumps(dict(command), allow_nan=False).encode("ascii") + b"\n"
        with self._writing():
            lines = self._request_lines(run)
            write_at(self._file(run, "requests"), sum(map(len, lines)), line, sync=self._options.sync)
        return len(lines) + 1

    def requests(self, run: str, after: int = 0) -> Sequence[tuple[int, dict[str, Any]]]:
        """Requests with a number above ``after``, in order."""
        with explained(self._home):
            lines = self._request_lines(run)
        return [(number, json.loads(line)) for number, line in enumerate(lines, 1) if number > after]

    def _request_lines(self, run: str) -> list[bytes]:
        file = self._file(run, "requests")
        lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
        return [line for line in lines if line.endswith(b"\n")]

    def put_blob(self, data: bytes) -> str:
        """Keep bytes in a file named by their digest."""
        name = hashlib.sha256(data).hexdigest()
        file = self._home / "blobs" / name
        with explained(file):
            if not file.exists():
                replace(file, data)
        return f"sha256:{name}"

    def get_blob(self, digest: str) -> bytes:
        """The bytes; :class:`StoreError` when there are none, or they are not those that were kept."""
        match = _DIGEST.fullmatch(digest)
        file = self._home / "blobs" / (match[1] if match else "none")
        with explained(file):
            if match is None or not file.exists():
                raise StoreError(f"{self._home} holds no blob {digest}: put back a copy, or begin a new run")
            data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != match[1]:
            raise StoreError(f"{file} was altered: put back a copy of it")
        return data

    def close(self) -> None:
        """Nothing is kept open."""

    # --- inside -------------------------------------------------------------------------------------------------------

    def _file(self, run: str, suffix: str) -> Path:
        return self._home / "runs" / f"{quote(run, safe='')}.{suffix}"

    @contextmanager
    def _writing(self) -> Generator[None, None, None]:
        with explained(self._home), locked(self._home / "lock"):
            yield


def _listed(file: Path) -> RunFolder | None:
    run = unquote(file.name.removesuffix(".jsonl"))
    status, title, times = "initializing", "", list[float]()
    try:
        for _, events in read_lines(file, run):
            for event in events:
                times.append(event.at)
                status = _STATUS.get(event.type, status)
                if event.type == "run.started":
                    title = str(event.data.get("title", ""))
                elif event.type == "run.finished":
                    status = str(event.data.get("status", "failed"))
    except StoreError:
        pass  # reading the run says what is wrong; the list shows the rest
    if not times:
        return None
    return RunFolder(run=run, status=status, title=title, started_at=times[0], updated_at=times[-1])
