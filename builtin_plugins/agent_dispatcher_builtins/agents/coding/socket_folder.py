"""A folder for the sockets of one session, which only this user reaches. One that a killed process left behind goes away when the next is made.

Whose folder is alive is told by a lock on it, which ends with its process however that ends; a number of a process may be another's by now.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

__all__ = ["socket_folder"]

#: Short: the path of a socket may have a hundred bytes.
_PREFIX: Final = "ad-"
_SOCKETS: Final = frozenset({"session", "model"})
#: Seconds that a folder without a lock is left alone: it may have been made just now, and there is no hurry.
_YOUNG_S: Final = 1800.0


@contextmanager
def socket_folder() -> Iterator[Path]:
    """A new folder, gone with the block."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _sweep(parent: Path) -> None:
    """Remove what nobody holds: folders of this user, some time old, with nothing in them but such sockets."""
    for folder in parent.glob(f"{_PREFIX}????????"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                status = os.fstat(lock)
                is_old = time.time() - status.st_mtime > _YOUNG_S
                with os.scandir(lock) as entries:
                    names = [entry.name for entry in entries]
                if status.st_uid != os.geteuid() or not is_old or not _SOCKETS.issuperset(names):
                    continue
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for name in names:
                    os.unlink(name, dir_fd=lock)
                folder.rmdir()
            finally:
                os.close(lock)
