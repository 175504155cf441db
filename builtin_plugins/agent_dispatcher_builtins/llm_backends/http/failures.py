"""What a client of a model's server can meet, as the sorts of failure the dispatcher knows. No message holds a key."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final

from attrs import frozen

from agent_dispatcher.errors import BackendError

__all__ = ["Failures", "message_of", "retry_after_s"]

#: A server that asks to wait longer is taken to mean this, in seconds.
_LONGEST_WAIT: Final = 86_400.0
_LONGEST_MESSAGE: Final = 500
_OVERLOADED: Final = frozenset({429, 529})
_BROKEN: Final = frozenset({502, 503, 504, 520, 521, 522, 523, 524})
_AGAIN: Final = frozenset({408, 409, 425, 500})


@frozen(kw_only=True)
class Failures:
    """Words for what went wrong at one endpoint.

    Attributes:
        server: the base url.
        key: what must not stand in a message; ``""`` without one.
        key_hint: where the key comes from, in words.
    """

    server: str
    key: str = ""
    key_hint: str = ""

    def error(self, what: str, sort: str, retry_after: float | None = None) -> BackendError:
        """An error that says which server it was."""
        return BackendError(f"{self.server}: {self._clean(what)}", sort=sort, retry_after_s=retry_after)

    def of_status(self, status: int, message: str, code: str | None, headers: Mapping[str, str]) -> BackendError:
        """A status of HTTP other than success."""
        said = f"{status} {message}".rstrip()
        wait = retry_after_s(headers)
        if 300 <= status < 400:
            to = headers.get("location", "elsewhere")
            return self.error(f"redirected to {to}, which is not followed: set base_url to where it leads", "permanent")
        if status in (401, 403):
            return self.error(f"{said} ({self.key_hint})", "permanent")
        if code == "insufficient_quota":
            return self.error(said, "permanent")
        if status in _OVERLOADED:
            return self.error(said, "rate_limit", wait)
        if status in _BROKEN:
            return self.error(said, "outage", wait)
        if status in _AGAIN or status >= 500:
            return self.error(said, "transient", wait)
        return self.error(said, "permanent")

    def _clean(self, text: str) -> str:
        if self.key:
            text = text.replace(self.key, "<key>")
        shown = text[:_LONGEST_MESSAGE]  # a server may say megabytes
        shown = "".join(each if each.isprintable() else " " for each in shown)
        return shown if len(text) <= _LONGEST_MESSAGE else f"{shown}…"


def retry_after_s(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds a server asks to wait, at most a day; ``None`` when it does not say so in a way that makes sense."""
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if not text:
            continue
        seconds = _seconds(text, unit, time.time() if now is None else now)
        if seconds is not None and math.isfinite(seconds) and seconds >= 0:
            return min(seconds, _LONGEST_WAIT)
    return None


def _seconds(text: str, unit: float, now: float) -> float | None:
    try:
        return float(text) * unit
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def message_of(body: Any, otherwise: str) -> str:
    """The message in an error's body, wherever the server put it."""
    for key in ("message", "detail", "error"):
        value = body.get(key) if isinstance(body, Mapping) else None
        if isinstance(value, Mapping):
            return message_of(value, str(dict(value)))
        if value:
            return value if isinstance(value, str) else str(value)
    return body if isinstance(body, str) and body else otherwise
