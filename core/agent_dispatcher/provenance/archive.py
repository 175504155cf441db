"""Keeps what was said and what came out of commands beside the record of a run, each text once, under its digest.

The texts stand as files in the run's own folder, so that they go with the run: into its checkpoints, and away with it. Events name them by digest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..codec import unstructure
from ..errors import StoreError
from ..extension.llm import LlmReply, LlmRequest
from .scrubbing import Scrubber

__all__ = ["FOLDER", "Archive", "read_request", "read_text"]

#: Below the run's folder.
FOLDER: Final = "said"
#: Kept of one output of a command: so much of its beginning and of its end together.
_MOST_OUTPUT: Final = 64 * 1024


class Archive:
    """Writes the texts of one run.

    Args:
        folder: the run's own folder.
        scrubber: what takes keys out; nothing is written that it has not seen.
        max_bytes: of all texts of the run together; what does not fit is left out, and that is said.
        warn: told once that something is left out.
    """

    def __init__(self, folder: Path, scrubber: Scrubber, max_bytes: int, warn: Callable[[str], object]) -> None:
        self._folder = folder / FOLDER
        self._scrubber = scrubber
        self._max_bytes = max_bytes
        self._warn = warn
        self._kept: dict[str, int] | None = None
        self._bytes = 0
        self._warned = False

    def request(self, request: LlmRequest) -> str | None:
        """Keep what is asked; its digest, ``None`` when it is left out. Each message is kept once, in however many questions it stands."""
        said = [self._put(self._scrubber.text(message.content)) for message in request.messages]
        if None in said:
            return None
        values: dict[str, Any] = unstructure(request)
        for message, digest in zip(values["messages"], said, strict=True):
            message["content"] = digest
        return self._put(json.dumps(self._scrubber.value(values), sort_keys=True))

    def reply(self, reply: LlmReply) -> str | None:
        """Keep what was answered; digest as of :meth:`request`."""
        return self._put(json.dumps(self._scrubber.value(unstructure(reply)), sort_keys=True))

    def output(self, text: str) -> str | None:
        """Keep what a command wrote, of a long one the beginning and the end; ``""`` for nothing, else as :meth:`request`."""
        text = self._scrubber.text(text)
        if len(text) > _MOST_OUTPUT:
            half = _MOST_OUTPUT // 2
            text = f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"
        return self._put(text) if text else ""

    def words(self, words: tuple[str, ...]) -> list[str]:
        """The words of a command without keys, as they stand in the record."""
        return [self._scrubber.text(word)[:_MOST_WORD] for word in words[:_MOST_WORDS]]

    def _put(self, text: str) -> str | None:
        data = text.encode("utf-8", "surrogateescape")
        name = hashlib.sha256(data).hexdigest()
        if self._kept is None:  # of an earlier process, too
            self._kept = (
                {one.name: one.stat().st_size for one in self._folder.glob("*")} if self._folder.is_dir() else {}
            )
            self._bytes = sum(self._kept.values())
        if name in self._kept:
            return f"sha256:{name}"
        if self._bytes + len(data) > self._max_bytes:
            self._leave_out(f"they would take more than {self._max_bytes:,} bytes (provenance.max_bytes)")
            return None
        path = self._folder / name
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = path.with_name(f".{name}.{os.getpid()}")
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as error:
            self._leave_out(f"{self._folder} cannot be written: {error.strerror or error}")
            return None
        self._kept[name] = len(data)
        self._bytes += len(data)
        return f"sha256:{name}"

    def _leave_out(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"not all that agents asked and ran is kept: {why}; the record names what is left out")


_MOST_WORD: Final = 2_000
_MOST_WORDS: Final = 200


def read_text(folder: Path, digest: str) -> str:
    """A text that was kept below the run's folder.

    Raises:
        StoreError: it is not there, or was altered.
    """
    name = digest.removeprefix("sha256:")
    path = folder / FOLDER / name
    if len(name) != 64 or not name.isalnum():
        raise StoreError(f"{digest!r} is no digest of a text")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != name:
        raise StoreError(f"{path} was altered after it was written: it is not what was said")
    return data.decode("utf-8", "surrogateescape")


def read_request(folder: Path, digest: str) -> dict[str, Any]:
    """What was asked, the texts of its messages in their places; errors as of :func:`read_text`."""
    values: dict[str, Any] = json.loads(read_text(folder, digest))
    for message in values["messages"]:
        message["content"] = read_text(folder, str(message["content"]))
    return values
