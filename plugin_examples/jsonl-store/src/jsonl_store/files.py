"""The few things this store does with files, so that a process may be killed in the middle of each."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from agent_dispatcher.errors import StoreError

__all__ = ["explained", "locked", "replace", "write_at"]

_PATIENCE_S = 10.0


@contextmanager
def explained(what: Path) -> Generator[None, None, None]:
    """Turn an :class:`OSError` into a :class:`StoreError` that says what to do."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{error.filename or what}: {error.strerror or error}; check disk and permissions, then resume"
        ) from error


@contextmanager
def locked(file: Path) -> Generator[None, None, None]:
    """Hold the lock that all processes of a store share; the system gives it back when a process dies."""
    end = time.monotonic() + _PATIENCE_S
    handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise StoreError(f"{file} is locked by another process: end what holds it, then resume") from None
                time.sleep(0.002)
        yield
    finally:
        os.close(handle)


def replace(file: Path, data: bytes) -> None:
    """Write a whole file, whole or not at all."""
    draft = file.with_name(f"{file.name}.{os.getpid()}.draft")
    try:
        draft.write_bytes(data)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_at(file: Path, size: int, data: bytes, *, sync: bool) -> None:
    """Put ``data`` behind the first ``size`` bytes and drop what stood there; when it does not fit, the file ends at ``size`` again."""
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.fstat(handle).st_size != size:
            os.ftruncate(handle, size)
        try:
            at = size
            while at - size < len(data):
                at += os.pwrite(handle, data[at - size :], at)
            if sync:
                os.fsync(handle)
        except BaseException:
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
