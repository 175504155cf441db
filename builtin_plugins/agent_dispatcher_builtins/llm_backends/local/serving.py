"""A model file served by llama.cpp's own server, on loopback, behind a key that is made up for it, in a process of its own.

It is no thread of this process, since loading a model holds Python's lock for many seconds, in which nothing else of a run would go on, and since what
is being computed cannot be broken off. A process can: it ends at once, with its memory, also when this one was killed.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from weakref import finalize

from attrs import field, frozen

from agent_dispatcher.errors import BackendError

__all__ = ["Served", "launch"]

_PROGRAM = Path(__file__).with_name("_serve_model.py")


@frozen
class Served:
    """A server that loads its model, or is ready. It ends when nobody holds it any more.

    Attributes:
        key: without it the server answers nobody: other programs of this machine, and pages in its browsers, cannot use it.
    """

    model: Path
    tokens: int
    key: str = field(repr=False)
    process: subprocess.Popen[str] = field(repr=False)

    def __attrs_post_init__(self) -> None:
        finalize(self, _end, self.process, os.getpid())

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def origin(self, within_s: float) -> str:
        """``http://127.0.0.1:<port>`` as soon as the model is loaded, which takes seconds: call it once, in a thread.

        Raises:
            BackendError: the model cannot be loaded, is not loaded within that time, or the server was ended.
        """
        assert self.process.stdout is not None
        late = threading.Timer(within_s, self.process.kill)
        late.daemon = True
        late.start()
        try:
            line = self.process.stdout.readline()
        except ValueError:  # closed meanwhile
            line = ""
        if late.finished.is_set() and not line:
            self.end()
            what = f"the model {self.model} was not loaded within {within_s:g} seconds (first_byte_s)"
            raise BackendError(what, sort="outage", may_cost=False)
        late.cancel()
        said = json.loads(line) if line else {"error": f"its process ended (code {self.process.wait()})"}
        if "error" in said:
            self.end()
            raise BackendError(
                f"the model {self.model} cannot be loaded: {said['error']} (is it whole, and is there memory for it and {self.tokens:,} tokens?)",
                sort="permanent",
                whatever_is_asked=True,
            )
        return str(said["origin"])

    def end(self) -> None:
        """Now, whatever it computes."""
        _end(self.process, os.getpid())


def launch(model: Path, *, context_tokens: int, threads: int, parallel: int = 1) -> Served:
    """Start a server, which then loads the model.

    Args:
        context_tokens: of one call.
        threads: 0 for one per core.
        parallel: how many calls are computed at once.
    """
    key = secrets.token_urlsafe(32)
    process = subprocess.Popen(
        [sys.executable, "-P", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    served = Served(model, context_tokens * parallel, key, process)
    wanted = {"model": str(model), "key": key, "context_tokens": context_tokens}
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended, and is found so
        process.stdin.write(json.dumps({**wanted, "threads": threads, "parallel": parallel}) + "\n")
        process.stdin.flush()
    return served


def _end(process: subprocess.Popen[str], owner: int) -> None:
    if os.getpid() != owner:  # a fork of this process has no say
        return
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
