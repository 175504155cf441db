"""Child processes that do something and are killed in the middle of it, to see what is left."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable

__all__ = ["Child"]

Tell = Callable[[str], None]


class Child:
    """A fork of this process that runs ``work(tell)``; each ``tell(text)`` arrives here as one line.

    The parent must not be inside an event loop. Leaving the ``with`` block kills and reaps the child.
    """

    def __init__(self, work: Callable[[Tell], object]) -> None:
        self._read, write = os.pipe()
        self._buffer = b""
        self.lines: list[str] = []
        self.code: int | None = None
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns where other threads run
            self.pid = os.fork()
        if self.pid == 0:
            _be_the_child(work, self._read, write)
        os.close(write)

    def wait_for(self, lines: int, within_s: float = 20.0) -> bool:
        """Whether the child told so many lines in time; ``False`` also when it ended before."""
        end = time.monotonic() + within_s
        while len(self.lines) < lines:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready or not self._take():
                return False
        return True

    def kill(self) -> list[str]:
        """SIGKILL it, wait for its end; all lines it told."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self._reap()
        return self.lines

    def finish(self, within_s: float = 60.0) -> list[str]:
        """Wait until it ends by itself; all lines it told."""
        self.wait_for(sys.maxsize, within_s)
        return self.kill()

    def _reap(self) -> None:
        while self._take():
            pass
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.close(self._read)

    def _take(self) -> bool:
        data = os.read(self._read, 65536)
        *whole, self._buffer = (self._buffer + data).split(b"\n")
        self.lines += [line.decode() for line in whole]
        return bool(data)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


def _be_the_child(work: Callable[[Tell], object], read: int, write: int) -> None:
    """Never returns: no clean-up of the parent's may run twice."""
    code = 1
    try:
        os.close(read)
        work(lambda text: _write_all(write, text.encode() + b"\n"))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
