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
#: With one of these a server says that it did not begin; with any other of 500 and more a model may have been at work.
_NOT_BEGUN: Final = frozenset({501, 503, 529})
#: Below 500 a request is refused unread, but for one that was given up on, and one that it took a model to refuse.
_GIVEN_UP: Final = frozenset({408, 499})
#: The key, the account or the address is wrong, or there is no such model.
_WHATEVER_IS_ASKED: Final = frozenset({401, 402, 403, 404})
_ACCOUNT_OR_MODEL: Final = frozenset({"insufficient_quota", "invalid_api_key", "model_not_found"})
_FILTERED: Final = "content_filter"


@frozen(kw_only=True)
class Failures:
    """Words for what went wrong at one endpoint.

    Attributes:
        server: the base url.
        key: what must not stand in a message; ``""`` without one.
        key_hint: where the key comes from, in words.
        path_hint: what may be wrong with the path of the base url, where it is not the usual one.
    """

    server: str
    key: str = ""
    key_hint: str = ""
    path_hint: str = ""

    def error(
        self,
        what: str,
        sort: str,
        retry_after: float | None = None,
        may_cost: bool | None = None,
        whatever_is_asked: bool = False,
    ) -> BackendError:
        """An error that says which server it was. ``may_cost`` and ``whatever_is_asked`` as in :class:`BackendError`."""
        said = f"{self.server}: {self._clean(what)}"
        return BackendError(
            said, sort=sort, retry_after_s=retry_after, may_cost=may_cost, whatever_is_asked=whatever_is_asked
        )

    def unreached(self, what: str) -> BackendError:
        """No connection came about: nothing was read, and nobody may have been there."""
        said = f"{self.server}: {self._clean(what)}"
        return BackendError(said, sort="outage", may_cost=False, unreached=True)

    def of_status(self, status: int, message: str, code: str | None, headers: Mapping[str, str]) -> BackendError:
        """A status of HTTP other than success, in place of a reply.

        What sort of failure it is and whether it may be billed are two questions: a gateway that lost the reply is an outage, and the model has
        been at work behind it all the same.
        """
        said = f"{status} {message}".rstrip()
        if 300 <= status < 400:
            to = headers.get("location", "elsewhere")
            said = f"redirected to {to}, which is not followed: set base_url to where it leads"
        elif status in (401, 403):
            said = f"{said} ({self.key_hint})"
        elif status == 404 and code != "model_not_found" and self.path_hint:
            said = f"{said} ({self.path_hint})"
        sort = _sort_of(status, code)
        wait = None if sort == "permanent" else retry_after_s(headers)
        always = status in _WHATEVER_IS_ASKED or 300 <= status < 400 or code in _ACCOUNT_OR_MODEL
        return self.error(said, sort, wait, _may_cost(status, code), sort == "permanent" and always)

    def _clean(self, text: str) -> str:
        if self.key:
            text = text.replace(self.key, "<key>")
        shown = text[:_LONGEST_MESSAGE]  # a server may say megabytes
        shown = "".join(each if each.isprintable() else " " for each in shown)
        return shown if len(text) <= _LONGEST_MESSAGE else f"{shown}…"


def _sort_of(status: int, code: str | None) -> str:
    if code == "insufficient_quota":
        return "permanent"
    if status in _OVERLOADED:
        return "rate_limit"
    if status in _BROKEN:
        return "outage"
    return "transient" if status in _AGAIN or status >= 500 else "permanent"


def _may_cost(status: int, code: str | None) -> bool:
    if status >= 500:
        return status not in _NOT_BEGUN
    return status in _GIVEN_UP or code == _FILTERED


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
