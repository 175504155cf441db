"""The rounds: ask, apply, try, tell what was wrong, ask again; the best answer is kept.

::

    opening ──▶ reply ──▶ edits ──▶ tried ──▶ nothing wrong: done
       ▲          ▲                   │
       │          └── to be mended ◀──┤  as long as mending brings it nearer
       └── asked anew ◀───────────────┘  otherwise, less predictably: who is stuck in a mistake repeats it

A model that has mended nothing when it was told what was wrong is not told again in this attempt: small models write anew better than they mend. Each answer starts from the same files, to the byte; one that cannot be applied changes nothing. What the backend raises goes through: it is the backend's.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from attrs import evolve, field, frozen

from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, Usage
from agent_dispatcher.models import Dispute

from ...prompting.edits import Edits, apply_edits, edits_in
from .folder import Files, WorkFolder
from .hidden_keys import marks_in
from .options import ModelOptions
from .trying import Tried

__all__ = ["Best", "Rounds"]

#: How far from the likeliest answer the model goes when it is asked anew.
_WARMTH: Final = 0.7
_REPAIR_WARMTH: Final = 0.2
#: Seconds before the deadline in which no further round is begun.
_LAST_S: Final = 10.0


@frozen(kw_only=True)
class Best:
    """What the rounds came to.

    Attributes:
        files: path to text of the best answer, ``None`` for a file it removed, which is what the attempt's folder holds; empty when no answer could be applied.
        tried: what was said about it; without faults it is the answer.
        rounds: how many were played.
        usage: what the calls took, as the replies say.
        dispute: what the model says about a test instead of an answer.
    """

    files: Files = field(factory=dict)
    tried: Tried = field(factory=Tried)
    rounds: int = 0
    usage: Usage = field(factory=Usage)
    dispute: Dispute | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it."""
        return bool(self.files) and not self.tried.faults and not self.dispute


@frozen(kw_only=True)
class Rounds:
    """The rounds of one attempt.

    Args:
        opening: the conversation that asks for the work.
        repair: what was wrong, to the message that asks to mend it.
        expected: paths that have to be written.
        folder: the attempt's, with what an answer may do to it.
        attempt: tries what is there.
        disputed: the objection to a test that a reply consists of, or what is wrong with it; ``None`` when it is none.
        deadline: seconds on :func:`time.monotonic`'s clock.
    """

    llm: Any
    options: ModelOptions
    purpose: str
    opening: tuple[ChatMessage, ...]
    repair: Callable[[Sequence[str]], str]
    expected: tuple[str, ...]
    folder: WorkFolder
    attempt: Callable[[Files, Files], Awaitable[Tried]]
    told: Callable[[int, Tried], None] = field(default=lambda number, tried: None)
    disputed: Callable[[str, Tried], Dispute | str | None] = field(default=lambda text, tried: None)
    deadline: float = float("inf")

    async def play(self) -> Best:
        """Play until nothing is wrong, the rounds are used up, or time is. The best answer's files are left in the folder."""
        best = Best()
        messages, warmth = self.opening, 0.0
        last, seen = Tried(), dict[str, str | None]()
        mends, mending, hidden = True, False, False
        for number in range(1, 1 + self.options.rounds):
            reply = await self._ask(messages, warmth, number)
            hidden = hidden or reply.keys_hidden  # the mark stays in the conversation
            best = evolve(best, rounds=number, usage=best.usage + reply.usage)
            files: dict[str, str | None] = {}
            dispute = self.disputed(reply.text, last)
            if isinstance(dispute, Dispute):
                return evolve(best, dispute=dispute)
            if dispute is not None and not edits_in(reply.text, self.expected).anything:
                tried = Tried(faults=(dispute,))
            else:
                files, tried = await self._try(evolve(reply, keys_hidden=hidden), seen if mending else {})
            if files and (not best.files or tried.score > best.tried.score):
                best = evolve(best, files=files, tried=tried)
            elif not best.files:
                best = evolve(best, tried=tried)
            self.told(number, tried)
            if best.good or time.monotonic() > self.deadline - _LAST_S:
                break
            if mending:
                mends = tried.score > last.score
            mending = mends
            last, seen = tried, files
            messages, warmth = self._to_mend(reply, tried) if mending else (self.opening, _WARMTH)
        if refused := self.folder.put(best.files):
            best = evolve(best, tried=evolve(best.tried, faults=(*best.tried.faults, *refused)))
        return best

    async def _ask(self, messages: tuple[ChatMessage, ...], warmth: float, number: int) -> LlmReply:
        request = LlmRequest(
            messages=messages,
            purpose=self.purpose,
            model=self.options.model,
            max_output_tokens=self.options.max_output_tokens,
            temperature=warmth,
            seed=number,
            timeout_s=self.options.timeout_s,
        )
        reply: LlmReply = await self.llm.complete(request)
        return reply

    async def _try(self, reply: LlmReply, seen: Files) -> tuple[dict[str, str | None], Tried]:
        """What the reply made of the files, or of its own earlier answer (``seen``), and what is to be said about it; afterwards the folder is as it was."""
        if reply.stop_reason == "refused":
            return {}, Tried(faults=("there was no answer: reply with the files",))
        edits = edits_in(reply.text, self.expected, cut_off=reply.stop_reason == "length")
        changed, faults = apply_edits(
            self._still_to_do(edits, seen), lambda path: seen[path] if path in seen else self.folder.read(path)
        )
        moves = None in seen.values()  # what is gone from one file may stand in another
        files = {**{path: text for path, text in seen.items() if moves or self._stays(path)}, **changed}
        refused = self.folder.refused(files)
        if not faults and reply.keys_hidden:
            faults = marks_in(files, self.folder.read)
        if refused or faults:
            return {}, Tried(faults=refused or faults)
        kept, there = self.folder.keep(files), self.folder.paths()
        before = {path: self.folder.read(path) for path in files}
        try:
            refused = self.folder.put(files)
            if refused:
                return {}, Tried(faults=refused)
            tried = await self.attempt(files, before)
            laid_out = {path: text if text is None else self.folder.read(path) or text for path, text in files.items()}
        finally:
            changed_under_it = self.folder.put_back(kept)
            self.folder.clear(there)
        if changed_under_it:
            return {}, Tried(faults=changed_under_it)
        return laid_out, tried

    def _stays(self, path: str) -> bool:
        """Whether a file of the earlier answer that the mended one does not repeat still counts: not one that nobody asked for."""
        return not self.expected or path in self.expected or self.folder.read(path) is not None

    def _still_to_do(self, edits: Edits, seen: Files) -> Edits:
        """Without what the earlier answer has removed or renamed already: who mends an answer often says all of it again."""
        made = {path for path, text in seen.items() if text is not None and self.folder.read(path) is None}
        return evolve(
            edits,
            deleted=tuple(path for path in edits.deleted if path not in seen or seen[path] is not None),
            renamed={old: new for old, new in edits.renamed.items() if new not in made},
        )

    def _to_mend(self, reply: LlmReply, tried: Tried) -> tuple[tuple[ChatMessage, ...], float]:
        said = ChatMessage(role="assistant", content=reply.text or "(nothing)")
        asked = ChatMessage(role="user", content=self.repair(tried.faults))
        return (*self.opening, said, asked), _REPAIR_WARMTH
