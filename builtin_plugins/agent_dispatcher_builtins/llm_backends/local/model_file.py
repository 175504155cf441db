"""The file of a model: one that is there, or one that is downloaded once and used only when its digest is the one that was configured."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from io import BufferedRandom
from pathlib import Path
from typing import IO, Final
from urllib.parse import quote, urlsplit

from attrs import define

from agent_dispatcher.errors import BackendError, ConfigError, Problem

from ..options import LocalOptions, is_loopback

__all__ = ["Stopped", "check_model", "download", "model_url", "stored_model"]

_MAGIC: Final = b"GGUF"
_BLOCK: Final = 1 << 20
#: Seconds without a byte before a download is given up; what has come stays for the next time.
_IDLE_S: Final = 60.0
#: Between two looks whether another process has ended its download.
_TURN_S: Final = 0.2


class Stopped(Exception):
    """Nobody waits for the file any more."""


class _TooLarge(Exception):
    """The file is larger than any model that is meant."""


def check_model(path: Path) -> None:
    """Refuse what is no model file, before a library reads it.

    Raises:
        ConfigError: it is not there, or does not begin as a GGUF file does.
    """
    try:
        with path.open("rb") as file:
            begins = file.read(len(_MAGIC))
    except OSError as error:
        what = f"the model {path} cannot be read: {error.strerror or error}"
        raise ConfigError(Problem(what, remedy='it is named in [options."llm:local"] model')) from error
    if begins != _MAGIC:
        raise ConfigError(
            Problem(f"{path} is no GGUF file: it begins with {begins!r}", remedy="give a model in the GGUF format")
        )


def model_url(options: LocalOptions) -> str:
    """Where the hub has the file."""
    return f"{options.hub.rstrip('/')}/{options.repository}/resolve/{quote(options.revision)}/{quote(options.file)}"


def stored_model(folder: Path, options: LocalOptions) -> Path:
    """Where a downloaded file is kept: its name is its digest, so that a file that is there is the right one."""
    return folder / f"{options.sha256.lower()}.gguf"


def download(
    url: str,
    target: Path,
    sha256: str,
    log: logging.Logger,
    *,
    max_bytes: int | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Bring a file to ``target``, unless it is there. A download that was broken off goes on where it ended; two processes take turns.

    Args:
        max_bytes: a file that is larger, or says that it will be, is not fetched.
        stop: looked at whenever something has come; what has come is kept.

    Raises:
        BackendError: it cannot be had, is too large, or is another one than was configured; nothing is at ``target`` then.
        Stopped: ``stop`` was set.
    """
    stop = stop or threading.Event()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".part")
    with partial.open("a+b") as file:
        _take_turn(file, stop)
        if target.exists():
            partial.unlink(missing_ok=True)
            return
        try:
            _fetch(url, file, log, max_bytes, stop)
        except _TooLarge as error:
            partial.unlink(missing_ok=True)
            raise BackendError(
                f"{url} is not fetched: {error} (max_bytes)", sort="permanent", whatever_is_asked=True
            ) from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise BackendError(
                f"{url} cannot be downloaded: {reason} (what has come is kept)", sort="outage", may_cost=False
            ) from error
        found = _digest(file)
        if found != sha256.lower():
            partial.unlink(missing_ok=True)
            raise BackendError(
                f"{url} is not the configured file: its SHA-256 is {found}, not {sha256.lower()}. It was deleted",
                sort="permanent",
                whatever_is_asked=True,
            )
        partial.replace(target)
    log.warning("downloaded %s, its SHA-256 is right", target)


def _take_turn(file: BufferedRandom, stop: threading.Event) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stop.wait(_TURN_S):
                raise Stopped from None
        else:
            return


def _fetch(url: str, file: BufferedRandom, log: logging.Logger, max_bytes: int | None, stop: threading.Event) -> None:
    """The rest of what ``url`` has, to the end of ``file``."""
    have = file.seek(0, 2)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        response = urllib.request.build_opener(_SafeRedirects).open(request, timeout=_IDLE_S)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have:  # it is whole already
                return
            raise
    with response:
        if have and response.status != 206:
            file.truncate(0)
            have = 0
        length = response.headers.get("Content-Length")
        size = have + int(length) if length else None
        progress = _Progress(url, size, log.warning)
        _no_larger(size, max_bytes)
        try:
            # what there is, not a whole block: a server that trickles does not keep anybody
            while block := response.read1(_BLOCK):
                file.write(block)
                have += len(block)
                _no_larger(have, max_bytes)
                progress.at(have)
                if stop.is_set():
                    raise Stopped
        finally:
            file.flush()
        if size is not None and have != size:
            raise OSError(f"it ended after {have:,} of {size:,} bytes")


def _no_larger(size: int | None, most: int | None) -> None:
    if size is not None and most is not None and size > most:
        raise _TooLarge(f"it has {size:,} bytes or more, and may have {most:,}")


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a hub to its file server, but never from https to anything less."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if urlsplit(newurl).scheme != "https" and not (req.type == "http" and is_loopback(newurl)):
            raise urllib.error.URLError(f"it was redirected to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@define
class _Progress:
    """Says each tenth."""

    url: str
    size: int | None
    say: Callable[..., None]
    _said: int = -1

    def at(self, have: int) -> None:
        """So many bytes are there."""
        tenth = have * 10 // self.size if self.size else have // 100_000_000
        if tenth > self._said:
            self._said = tenth
            whole = f" of {self.size / 1e6:,.0f} MB" if self.size else " MB"
            self.say("downloading %s: %s%s", self.url, f"{have / 1e6:,.0f}", whole)


def _digest(file: BufferedRandom) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()
