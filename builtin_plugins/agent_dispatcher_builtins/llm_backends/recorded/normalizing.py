"""What makes two requests the same question: everything that is sent, without what differs between two machines or two runs.

Replaced in every text (and said in ``docs/backends.md``, because it decides what a recording answers):

* an absolute path below the home, the current or the temporary folder, or below a usual place of checkouts: ``<path>/`` and its last part;
* a run's id: ``<run>``; a date with a time of day: ``<time>``; an address in memory: ``<address>``;
* a key that is known in the run, or looks like one: ``<secret>`` (also in tools, schema and stop words).

The ids of tool calls are numbered. Purpose, subjects and timeout are not sent, so they do not count.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import evolve, frozen

from agent_dispatcher.codec import to_json, unstructure
from agent_dispatcher.extension import ChatMessage, LlmRequest
from agent_dispatcher.provenance import Scrubber

__all__ = ["Normalizer", "digest", "sent"]

_USUAL_PLACES: Final = ("/home", "/Users", "/root", "/tmp", "/var", "/private", "/builds", "/workspace", "/workspaces")
_RUN: Final = re.compile(r"(?<![\w-])\d{8}-\d{6}-[0-9a-f]{4}(?![\w-])")
_TIME: Final = re.compile(r"(?<![\w-])\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?(?![\w:])")
_ADDRESS: Final = re.compile(r"\b0x[0-9a-f]{8,16}\b")


@frozen
class Normalizer:
    """Takes out of texts what differs between machines and runs.

    Attributes:
        scrubber: takes keys out, which are never written down.
        paths: finds absolute paths.
    """

    scrubber: Scrubber
    paths: re.Pattern[str]

    @classmethod
    def here(cls, scrubber: Scrubber) -> Normalizer:
        """For this process: its folders."""
        folders = {
            *_USUAL_PLACES,
            str(Path.home()),
            str(Path.cwd()),
            tempfile.gettempdir(),
            os.path.realpath(tempfile.gettempdir()),
        }
        roots = "|".join(re.escape(each) for each in sorted(folders - {"/"}, key=len, reverse=True))
        paths = re.compile(rf"(?<![\w.:/~-])(?:{roots})(?:/[^\s/'\"`<>|:;,()\[\]{{}}]+)*/([^\s/'\"`<>|:;,()\[\]{{}}]+)")
        return cls(scrubber, paths)

    def text(self, text: str) -> str:
        """A text without keys as it is compared."""
        text = _TIME.sub("<time>", _RUN.sub("<run>", text))
        return _ADDRESS.sub("<address>", self.paths.sub(r"<path>/\1", text))

    def request(self, request: LlmRequest) -> LlmRequest:
        """The request as it is compared."""
        return _changed(self.scrubber.request(request), self.text)

    def exact(self, request: LlmRequest) -> LlmRequest:
        """The request as it was, without secrets: tells apart two requests that are the same once normalized."""
        return _changed(self.scrubber.request(request), str)


def _changed(request: LlmRequest, change: Callable[[str], str]) -> LlmRequest:
    numbers: dict[str, str] = {}

    def numbered(call: str) -> str:
        return numbers.setdefault(call, f"call-{len(numbers) + 1}") if call else ""

    def message(each: ChatMessage) -> ChatMessage:
        calls = [evolve(call, id=numbered(call.id), arguments=change(call.arguments)) for call in each.tool_calls]
        return evolve(each, content=change(each.content), tool_calls=calls, tool_call_id=numbered(each.tool_call_id))

    return evolve(request, messages=[message(each) for each in request.messages])


def sent(request: LlmRequest) -> dict[str, Any]:
    """What of a request is sent to a model, as JSON values."""
    values: dict[str, Any] = unstructure(request)
    return {name: value for name, value in values.items() if name not in ("purpose", "about", "timeout_s")}


def digest(request: LlmRequest) -> str:
    """The same for requests that send the same."""
    return sha256(to_json(sent(request), canonical=True).encode()).hexdigest()
