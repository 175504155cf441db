"""Of one plan: which questions were answered before, and which new answers are worth keeping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ..extension.llm import LastingBackend, LlmReply, LlmRequest
from ..provenance import Scrubber
from .kept_replies import KeptReplies, request_key

__all__ = ["Reusing"]


@define
class Reusing:
    """Answers questions of one plan from what is kept.

    Who asks the same twice gets two answers: the second question is answered by the second reply that is kept, and asked where there is none.

    Attributes:
        kept: where replies are.
        backend: name of the backend.
        who: the backend itself, which says who answers.
        options: the backend's, as configured.
        fresh: nothing is used again; what is answered now takes its place.
    """

    kept: KeptReplies
    backend: str
    who: LastingBackend
    options: Mapping[str, Any]
    fresh: bool = False
    _given: dict[str, list[LlmReply]] = field(factory=dict)
    _found: dict[str, tuple[LlmReply, ...]] = field(factory=dict)
    _new: set[str] = field(factory=set)

    @property
    def scrubber(self) -> Scrubber:
        """What takes keys out of requests, of which none may be in a digest."""
        return self.kept.scrubber

    def key(self, request: LlmRequest) -> str:
        """What the request is kept under."""
        said = self.scrubber.request(request)
        return request_key(said, self.backend, self.who.answers_as(said), self.options)

    def answer(self, key: str) -> LlmReply | None:
        """The reply that was given to this question before, ``None`` where it is to be asked."""
        given = self._given.setdefault(key, [])
        if self.fresh or key in self._new:
            return None
        if key not in self._found:
            self._found[key] = self.kept.find(key)
        if len(given) >= len(self._found[key]):
            return None
        reply = self._found[key][len(given)]
        given.append(reply)
        return reply

    def answered(self, key: str, reply: LlmReply) -> None:
        """The question was asked, and this is the reply."""
        self._given.setdefault(key, []).append(reply)
        self._new.add(key)

    def in_vain(self) -> None:
        """No plan came of what was answered so far: it is not kept, and what had been kept is asked again next time."""
        for key in self._given:
            self.kept.forget(key)
        self._given.clear()
        self._found.clear()
        self._new.clear()

    def planned(self) -> None:
        """A plan came of it: keep what is new. What the model would not answer, or not to the end, may be answered next time."""
        for key in sorted(self._new):
            if all(reply.stop_reason not in ("refused", "length") for reply in self._given[key]):
                self.kept.keep(key, self._given[key])
        if self._new:
            self.kept.prune()
