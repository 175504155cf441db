"""The file of a recording: one exchange a line, sorted, so that the same exchanges give the same file."""

from __future__ import annotations

import difflib
import os
import tempfile
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from agent_dispatcher.codec import structure, to_json
from agent_dispatcher.errors import ConfigError, DispatcherError, Problem, SpecificationError
from agent_dispatcher.extension import LlmReply
from agent_dispatcher.safe_load import plain_json, read_text

__all__ = ["Exchange", "Recording"]

#: Largest recording that is read.
_MOST_BYTES: Final = 1_000_000_000
#: Texts are compared up to this length, and with so many exchanges, to find the nearest.
_COMPARED: Final = 4_000
_CANDIDATES: Final = 200


@frozen(kw_only=True)
class Exchange:
    """One request and what was answered.

    Attributes:
        key: digest of the normalized request.
        exact: digest of the request as it was; tells exchanges of one key apart.
        purpose: the request's; to find one's way in the file, it is not part of the key.
        request: the normalized request.
    """

    key: str
    exact: str
    purpose: str = ""
    request: dict[str, Any] = field(factory=dict)
    reply: LlmReply


@define
class Recording:
    """The exchanges of a file, in its order.

    Exchanges of one key stay in the order they were recorded in; keys are sorted. Each change writes the whole file anew, beside it and then
    in its place: a process that dies leaves the file as it was before. Only its owner may read what is written. One process writes a file at a time.
    """

    path: Path
    _by_key: dict[str, list[Exchange]] = field(factory=dict)
    _played: dict[str, int] = field(factory=dict)

    @classmethod
    def open(cls, path: Path, *, must_exist: bool) -> Recording:
        """The recording in a file; an empty one when there is none and it may be made.

        Raises:
            ConfigError: it is not there, or a line of it is no exchange.
        """
        recording = cls(path)
        if not must_exist and not path.exists():
            if not path.parent.is_dir():
                raise ConfigError(Problem(f"the recording {path} cannot be made: there is no folder {path.parent}"))
            return recording
        try:
            for number, line in enumerate(read_text(path, max_bytes=_MOST_BYTES).splitlines(), 1):
                if line.strip():
                    place = f"{path}:{number}"
                    exchange = structure(plain_json(line, place, max_bytes=_MOST_BYTES), Exchange, where=place)
                    recording._by_key.setdefault(exchange.key, []).append(exchange)
        except SpecificationError as error:
            raise ConfigError(error.problems, f"{path} is no recording:") from error
        except DispatcherError as error:
            raise ConfigError(Problem(str(error), remedy='it is named in [options."llm:recorded"] file')) from error
        return recording

    def __len__(self) -> int:
        return sum(len(exchanges) for exchanges in self._by_key.values())

    def knows(self, key: str) -> bool:
        """Whether there is a reply to a request."""
        return bool(self._by_key.get(key))

    def play(self, key: str, exact: str) -> LlmReply | None:
        """The next reply to a request: of exchanges with its key those that are the same to the letter, else all; one after the other, then the last again."""
        exchanges = self._by_key.get(key, [])
        same = [each for each in exchanges if each.exact == exact] or exchanges
        if not same:
            return None
        turn = exact if same[0].exact == exact else key
        number = self._played.get(turn, 0)
        self._played[turn] = number + 1
        return same[min(number, len(same) - 1)].reply

    def add(self, exchange: Exchange) -> None:
        """Take an exchange in and write the file."""
        self._by_key.setdefault(exchange.key, []).append(exchange)
        self._write()

    def forget(self, key: str) -> None:
        """Take out all exchanges of a key; the file is written with the next one that is added."""
        self._by_key.pop(key, None)

    def nearest(self, request: dict[str, Any], purpose: str) -> tuple[Exchange, str] | None:
        """The exchange most like a request, and how they differ; ``None`` for an empty recording."""
        everything = [each for key in sorted(self._by_key) for each in self._by_key[key]]
        everything.sort(key=lambda each: each.purpose != purpose)
        asked = _said(request)
        compared = [(_likeness(asked, _said(each.request)), each) for each in everything[:_CANDIDATES]]
        if not compared:
            return None
        _, found = max(compared, key=lambda pair: pair[0])
        return found, _difference(found.request, request)

    def _write(self) -> None:
        lines = [f"{to_json(each)}\n" for key in sorted(self._by_key) for each in self._by_key[key]]
        handle, name = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.writelines(lines)
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _said(request: dict[str, Any]) -> str:
    return "\n".join(str(each.get("content", "")) for each in request.get("messages", ()))


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one[-_COMPARED:], other[-_COMPARED:], autojunk=False).quick_ratio()


def _difference(recorded: dict[str, Any], asked: dict[str, Any]) -> str:
    """Where the two differ first, in words."""
    before, now = _said(recorded), _said(asked)
    if before == now:
        names = [name for name in sorted({*recorded, *asked}) if recorded.get(name) != asked.get(name)]
        return f"it says the same, but differs in {', '.join(names) or 'the roles'}"
    place = next((n for n, (a, b) in enumerate(zip(before, now, strict=False)) if a != b), min(len(before), len(now)))
    start = max(0, place - 20)
    return f"recorded …{before[start : place + 60]!r}…, asked …{now[start : place + 60]!r}…"
