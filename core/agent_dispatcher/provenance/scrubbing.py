"""Takes keys out of texts: those that are known here by value, and whatever has the shape of a well-known kind of key.

Which values are keys is said in :mod:`.known_keys`, how they may be written in :mod:`.spellings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar, cast

from attrs import evolve, field, frozen

from ..extension.llm import LlmReply, LlmRequest
from .dummies import is_dummy
from .spellings import spellings

__all__ = ["SECRET", "Scrubber", "changed", "shaped"]

_T = TypeVar("_T")

#: What stands where a key stood.
SECRET: Final = "<secret>"
#: Nothing shorter is taken for a key, or for what is left of one.
_SHORTEST: Final = 8
#: Shapes of well-known kinds of keys, and texts of which one is in whatever has the shape: to look for those is quicker.
_SHAPES: Final = tuple(
    (hints, re.compile(shape))
    for *hints, shape in (
        ("sk-", r"\bsk-(?=[\w-]*\d)[A-Za-z0-9_-]{20,}"),  # OpenAI, Anthropic and many after them
        ("k_live_", "k_test_", r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}"),
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", r"\bgh[pousr]_[A-Za-z0-9]{36,}"),
        ("github_pat_", r"\bgithub_pat_[A-Za-z0-9_]{50,}"),
        ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
        ("AKIA", "ASIA", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
        ("AIza", r"\bAIza[0-9A-Za-z_-]{35}"),
        ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
        ("hf_", r"\bhf_[A-Za-z0-9]{30,}"),
        ("npm_", r"\bnpm_[A-Za-z0-9]{36}"),
        ("pypi-", r"\bpypi-[A-Za-z0-9_-]{50,}"),
        ("SG.", r"\bSG\.[\w-]{20,}\.[\w-]{40,}"),
        ("eyJ", r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
        (
            "PRIVATE KEY-----",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,-]+?-----END [A-Z ]*PRIVATE KEY-----",
        ),
    )
)
#: Nothing shorter has one of these shapes.
_SHORTEST_SHAPE: Final = 15


@frozen
class Scrubber:
    """Replaces keys by :data:`SECRET`.

    Attributes:
        values: keys that are known in each form in which they may stand in a text, the longest first. Never shown.
    """

    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Scrubber:
        """For keys that are known; what is shorter than eight characters is none."""
        return cls().knowing(values)

    def knowing(self, values: Iterable[str]) -> Scrubber:
        """One that knows these keys too; the same object when there are none."""
        forms = {form for value in {*values} if len(value) >= _SHORTEST for form in spellings(value)}
        if forms <= {*self.values}:
            return self
        return Scrubber(tuple(sorted(forms.union(self.values), key=lambda form: (-len(form), form))))

    def holds(self, text: str) -> bool:
        """Whether a key that is known by its value stands in the text; what only looks like one is none."""
        return any(value in text for value in self.values)

    def text(self, text: str) -> str:
        """The text without keys; the same object when there is none in it."""
        if len(text) < _SHORTEST:
            return text
        for value in self.values:
            if value in text:
                text = text.replace(value, SECRET)
        if len(text) >= _SHORTEST_SHAPE:
            for hints, shape in _SHAPES:
                for hint in hints:
                    if hint in text:
                        text = shape.sub(_hidden, text)
                        break
        return text

    def words(self, text: str) -> str:
        """As :meth:`text`, for what somebody may have shortened: of a key whose end was cut off with the text nothing is left either."""
        text = self.text(text)
        return self._cut_off(text) if text.endswith(("…", "...")) else text

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it scrubbed, keys of tables too; the same object when there is none in it."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            table = {self.text(str(name)): self.value(each) for name, each in value.items()}
            return value if _is_same(table.values(), value.values()) and table.keys() == value.keys() else table
        if isinstance(value, (list, tuple)):
            values = [self.value(each) for each in value]
            return value if _is_same(values, value) else values
        return value

    def request(self, request: LlmRequest) -> LlmRequest:
        """What is sent to a model, tools and schema too: the same object when there is no key in it."""
        messages = tuple(
            changed(message, content=self.text(message.content), tool_calls=self._calls(message.tool_calls))
            for message in request.messages
        )
        tools = tuple(
            changed(
                tool,
                name=self.text(tool.name),
                description=self.text(tool.description),
                parameters=self.value(tool.parameters),
            )
            for tool in request.tools
        )
        return changed(
            request,
            messages=request.messages if _is_same(messages, request.messages) else messages,
            tools=request.tools if _is_same(tools, request.tools) else tools,
            schema=self.value(request.schema),
            stop=request.stop if (stop := tuple(map(self.text, request.stop))) == request.stop else stop,
        )

    def reply(self, reply: LlmReply) -> LlmReply:
        """What a model answered, and that keys were hidden in it; the same object when there is none in it."""
        cleaned = changed(
            reply,
            text=self.text(reply.text),
            model=self.text(reply.model),
            tool_calls=self._calls(reply.tool_calls),
        )
        return cleaned if cleaned is reply else evolve(cleaned, keys_hidden=True)

    def error(self, error: BaseException) -> None:
        """Take keys out of what an exception says, of what it was raised from, and of those that are in a group of it."""
        seen: set[int] = set()
        ahead: list[BaseException | None] = [error]
        while ahead:
            one = ahead.pop()
            if one is None or id(one) in seen:
                continue
            seen.add(id(one))
            said = tuple(self._cut_off(self.text(each)) if isinstance(each, str) else each for each in one.args)
            if said != one.args:
                one.args = said
            notes: list[str] = getattr(one, "__notes__", [])
            notes[:] = map(self.text, notes)
            ahead += (one.__cause__, one.__context__)
            if isinstance(one, BaseExceptionGroup):
                ahead += one.exceptions

    def _cut_off(self, text: str) -> str:
        """Without the beginning of a key at its end: what quotes a server may have been cut in the middle of one."""
        whole = text.rstrip("….\"'")
        for value in self.values:
            for length in range(min(len(value) - 1, len(whole)), _SHORTEST - 1, -1):
                if whole.endswith(value[:length]):
                    return whole[:-length] + SECRET
        return text

    def _calls(self, calls: tuple[Any, ...]) -> tuple[Any, ...]:
        cleaned = tuple(
            changed(call, id=self.text(call.id), name=self.text(call.name), arguments=self.text(call.arguments))
            for call in calls
        )
        return calls if _is_same(cleaned, calls) else cleaned


def shaped(text: str) -> Iterator[str]:
    """What has the shape of a well-known kind of key, placeholders left out."""
    for hints, shape in _SHAPES:
        if any(hint in text for hint in hints):
            yield from (found[0] for found in shape.finditer(text) if not is_dummy(found[0]))


def _hidden(found: re.Match[str]) -> str:
    return found[0] if is_dummy(found[0]) else SECRET


def _is_same(new: Iterable[Any], old: Iterable[Any]) -> bool:
    return all(one is other for one, other in zip(new, old, strict=True))


def changed(value: _T, **fields: Any) -> _T:
    """``value`` with fields as given; the same object when all of that is as it was."""
    same = all(getattr(value, name) is each for name, each in fields.items())
    new: _T = value if same else evolve(cast(Any, value), **fields)
    return new
