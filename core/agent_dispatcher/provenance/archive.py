"""Keeps what was said and what came out of commands beside the record of a run, each text once, under its digest.

The texts stand as files in the run's own folder, so that they go with the run: into its checkpoints, and away with it. Events name them by digest.
While a plan is made there is no folder yet: its texts stay in memory, with the plan, until a run takes them over.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from ..codec import unstructure
from ..errors import StoreError
from ..extension.llm import LlmReply, LlmRequest
from .scrubbing import Scrubber

__all__ = ["FOLDER", "Archive", "Place", "read_request", "read_text"]

#: Where texts are read: below a run's folder, or in a plan, digest to text.
Place: TypeAlias = Path | Mapping[str, str]

#: Below the run's folder.
FOLDER: Final = "said"
#: Kept of one output of a command: so much of its beginning and of its end together.
_MOST_OUTPUT: Final = 64 * 1024


class Archive:
    """Writes the texts of one run, or holds those of one plan.

    Args:
        folder: the run's own folder; ``None`` for in memory.
        scrubber: what takes keys out; nothing is written that it has not seen.
        max_bytes: of all texts of the run together; what does not fit is left out, and that is said.
        warn: told once that something is left out.

    Attributes:
        texts: digest to text of what is held in memory.
    """

    def __init__(self, folder: Path | None, scrubber: Scrubber, max_bytes: int, warn: Callable[[str], object]) -> None:
        self._folder = folder / FOLDER if folder is not None else None
        self.texts: dict[str, str] = {}
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

    def adopt(self, texts: Mapping[str, str]) -> None:
        """Keep the texts of a plan. One that is not what its digest says, or has a key in it, is passed over: a plan file can be edited."""
        for digest, text in texts.items():
            if digest == _digest(text) and text == self._scrubber.text(text):
                self._put(text)

    def words(self, words: tuple[str, ...]) -> list[str]:
        """The words of a command without keys, as they stand in the record."""
        return [self._scrubber.text(word)[:_MOST_WORD] for word in words[:_MOST_WORDS]]

    def _put(self, text: str) -> str | None:
        if self._folder is None:  # what is no text cannot stand in a plan's file
            text = text.encode("utf-8", "replace").decode("utf-8")
        data, digest = _bytes(text), _digest(text)
        name = digest.removeprefix(_PREFIX)
        if self._kept is None:
            self._kept = self._earlier()
            self._bytes = sum(self._kept.values())
        if name in self._kept:
            return digest
        if self._bytes + len(data) > self._max_bytes:
            self._leave_out(f"they would take more than {self._max_bytes:,} bytes (provenance.max_bytes)")
            return None
        if self._folder is None:
            self.texts[digest] = text
        elif not self._written(self._folder, name, data):
            return None
        self._kept[name] = len(data)
        self._bytes += len(data)
        return digest

    def _earlier(self) -> dict[str, int]:
        """Name to size of what an earlier process has kept."""
        if self._folder is None or not self._folder.is_dir():
            return {}
        return {one.name: one.stat().st_size for one in self._folder.glob("*")}

    def _written(self, folder: Path, name: str, data: bytes) -> bool:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft = folder / f".{name}.{os.getpid()}"
            draft.write_bytes(data)
            draft.replace(folder / name)
        except OSError as error:
            self._leave_out(f"{folder} cannot be written: {error.strerror or error}")
            return False
        return True

    def _leave_out(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            who = "planning asked" if self._folder is None else "agents asked and ran"
            self._warn(f"not all that {who} is kept: {why}; the record names what is left out")


_PREFIX: Final = "sha256:"
_MOST_WORD: Final = 2_000
_MOST_WORDS: Final = 200


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _digest(text: str) -> str:
    return _PREFIX + hashlib.sha256(_bytes(text)).hexdigest()


def read_text(place: Place, digest: str) -> str:
    """A text that was kept.

    Raises:
        StoreError: it is not there, or was altered.
    """
    name = digest.removeprefix(_PREFIX)
    if len(name) != 64 or not name.isalnum():
        raise StoreError(f"{digest!r} is no digest of a text")
    if not isinstance(place, Path):
        text = place.get(digest)
        if text is None:
            raise StoreError(f"the text {digest} is not in the plan")
        if _digest(text) != digest:
            raise StoreError(f"the text {digest} was altered in the plan: it is not what was said")
        return text
    path = place / FOLDER / name
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    if hashlib.sha256(data).hexdigest() != name:
        raise StoreError(f"{path} was altered after it was written: it is not what was said")
    return data.decode("utf-8", "surrogateescape")


def read_request(place: Place, digest: str) -> dict[str, Any]:
    """What was asked, the texts of its messages in their places; errors as of :func:`read_text`."""
    values: dict[str, Any] = json.loads(read_text(place, digest))
    for message in values["messages"]:
        message["content"] = read_text(place, str(message["content"]))
    return values
