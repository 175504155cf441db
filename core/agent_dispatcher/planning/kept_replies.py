"""What models answered while plans were made, kept for the next command that plans the same: the plan that was examined is the plan that is run.

A reply is used again for the very same request to the very same model, nothing less: the key is a digest of everything that is sent, of the backend
with its options, and of who answers there.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from ..codec import structure, to_json, unstructure
from ..config.sources import xdg_folder
from ..errors import DispatcherError
from ..extension.llm import LlmReply, LlmRequest
from ..provenance import Scrubber
from ..safe_load import plain_json, read_text

__all__ = ["KeptReplies", "replies_folder", "request_key"]

#: Of the entries: with another number nothing kept before is found.
_FORM: Final = 1
#: So long a reply is used again.
_DAYS: Final = 30
_DAY_S: Final = 86_400.0
#: What is kept of one request, of how many, and how much of all; the oldest goes first.
_MOST_OF_ONE: Final = 4 * 1024 * 1024
_MOST_ENTRIES: Final = 500
_MOST_BYTES: Final = 64 * 1024 * 1024
#: Of a request, what is not sent.
_NOT_SENT: Final = frozenset({"purpose", "about", "timeout_s"})
_SUFFIX: Final = ".json"


def replies_folder(env: Mapping[str, str] | None = None) -> Path:
    """``$XDG_CACHE_HOME/agent-dispatcher/planning-replies``."""
    return xdg_folder(os.environ if env is None else env, "XDG_CACHE_HOME", ".cache") / "planning-replies"


def request_key(request: LlmRequest, backend: str, answers_as: str, options: Mapping[str, Any]) -> str:
    """The same for requests that are the same question to the same model.

    Args:
        request: without keys.
        backend: its name.
        answers_as: who answers there (see :class:`agent_dispatcher.extension.llm.LastingBackend`).
        options: the backend's, as configured.
    """
    sent = {name: value for name, value in unstructure(request).items() if name not in _NOT_SENT}
    asked = {"form": _FORM, "backend": backend, "answers_as": answers_as, "sent": sent}
    return sha256(to_json({**asked, "options": repr(sorted(options.items()))}, canonical=True).encode()).hexdigest()


@frozen(kw_only=True)
class _Entry:
    """A file: replies to one request in their order, and a digest by which damage shows."""

    key: str
    digest: str
    replies: tuple[LlmReply, ...]


@define
class KeptReplies:
    """A folder of replies, a file for each request, which only its owner may read.

    Nothing of it is needed: what cannot be read is as if it were not there, and what cannot be written is not kept.

    Attributes:
        folder: made with the first reply that is kept.
        scrubber: takes keys out, of what is written and of what is read.
        now: the clock, for tests.
    """

    folder: Path
    scrubber: Scrubber
    now: Callable[[], float] = field(default=time.time)

    def find(self, key: str) -> tuple[LlmReply, ...]:
        """The replies to a request, in the order in which they were given; none where none is kept, or what is kept is too old or damaged."""
        path = self._path(key)
        try:
            found = path.lstat()
            if not stat.S_ISREG(found.st_mode) or self._is_old(found.st_mtime):
                return ()
            entry = structure(
                plain_json(read_text(path, max_bytes=_MOST_OF_ONE), source=str(path), max_bytes=_MOST_OF_ONE),
                _Entry,
                where=str(path),
            )
        except (OSError, ValueError, DispatcherError):
            return ()
        if entry.key != key or entry.digest != _digest(entry.replies):
            return ()
        return tuple(map(self.scrubber.reply, entry.replies))

    def keep(self, key: str, replies: Sequence[LlmReply]) -> None:
        """Keep the replies to a request instead of what was kept of it. What is too large is not kept."""
        clean = tuple(map(self.scrubber.reply, replies))
        data = to_json(_Entry(key=key, digest=_digest(clean), replies=clean)).encode()
        if len(data) > _MOST_OF_ONE:
            return
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(prefix=".new-", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                Path(temporary).replace(self._path(key))
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def forget(self, key: str) -> None:
        """The request is asked again next time."""
        with suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def prune(self) -> None:
        """Remove what is too old, what a process left half written, and the oldest of what is too much."""
        kept: list[tuple[float, int, Path]] = []
        with suppress(OSError):
            for path in self.folder.iterdir():
                with suppress(OSError):
                    found = path.lstat()
                    whole = path.suffix == _SUFFIX
                    if self._is_old(found.st_mtime) or (not whole and self.now() - found.st_mtime > _DAY_S):
                        path.unlink()
                    elif whole:
                        kept.append((found.st_mtime, found.st_size, path))
        kept.sort(reverse=True)
        total = 0
        for number, (_, size, path) in enumerate(kept, 1):
            total += size
            if number > _MOST_ENTRIES or total > _MOST_BYTES:
                with suppress(OSError):
                    path.unlink()

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}{_SUFFIX}"

    def _is_old(self, written_at: float) -> bool:
        return self.now() - written_at > _DAYS * _DAY_S


def _digest(replies: Sequence[LlmReply]) -> str:
    return sha256(to_json(replies, canonical=True).encode()).hexdigest()
