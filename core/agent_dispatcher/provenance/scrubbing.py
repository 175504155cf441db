"""Takes keys out of texts: those that are known here by value, and whatever has the shape of a well-known kind of key.

What is known by value: variables of the environment that are named like a key, or that configuration names as one; options that are named like
a key; passwords in addresses; what a backend says that it holds. A value that is short, or is the name of a file, is no key.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote

from attrs import evolve, field, frozen

from ..extension.llm import LlmReply, LlmRequest

__all__ = ["SECRET", "Scrubber", "secrets_of"]

#: What stands where a key stood.
SECRET: Final = "<secret>"
_SHORTEST: Final = 8
#: Named like a key beyond doubt.
_NAMED: Final = re.compile(
    r"TOKEN(?!S|IZ)|SECRET|PASSWO?R?D|PASSPHRASE|CREDENTIAL|(API|ACCESS|PRIVATE|AUTH|SIGNING|ENCRYPTION)_?KEY|(^|_)PAT($|_)"
)
#: Named like a key, or like that of a dictionary: then the value has to look like one too.
_PERHAPS: Final = re.compile(r"KEY($|_)")
_PLAIN: Final = re.compile(r"[a-z]+(?:[-_. ][a-z]+)*|[A-Z]+(?:[-_. ][A-Z]+)*|[\d.,:-]+")
_PASSWORD: Final = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")
_SHAPES: Final = re.compile(
    "|".join(
        (
            r"\bsk-(?=[\w-]*\d)[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic and many after them
            r"\b[sr]k_(?:live|test)_[0-9A-Za-z]{16,}",
            r"\bgh[pousr]_[A-Za-z0-9]{36,}",
            r"\bgithub_pat_[A-Za-z0-9_]{50,}",
            r"\bglpat-[A-Za-z0-9_-]{20,}",
            r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
            r"\bAIza[0-9A-Za-z_-]{35}",
            r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
            r"\bhf_[A-Za-z0-9]{30,}",
            r"\bnpm_[A-Za-z0-9]{36}",
            r"\bpypi-[A-Za-z0-9_-]{50,}",
            r"\bSG\.[\w-]{20,}\.[\w-]{40,}",
            r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,-]+?-----END [A-Z ]*PRIVATE KEY-----",
        )
    )
)


@frozen
class Scrubber:
    """Replaces keys by :data:`SECRET`.

    Attributes:
        values: keys that are known, the longest first. Never shown.
    """

    values: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, values: Iterable[str]) -> Scrubber:
        """For keys that are known, in each form in which they may stand in a text."""
        forms = {
            form
            for value in values
            for form in (value, quote(value, safe=""), value.replace("\\", "\\\\").replace('"', '\\"'))
        }
        return cls(tuple(sorted(forms - {""}, key=lambda form: (-len(form), form))))

    def text(self, text: str) -> str:
        """The text without keys; the same object when there is none in it."""
        for value in self.values:
            if value in text:
                text = text.replace(value, SECRET)
        return _SHAPES.sub(SECRET, text)

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it scrubbed, keys of tables too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(name)): self.value(each) for name, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value

    def request(self, request: LlmRequest) -> LlmRequest:
        """What is sent to a model: the same object when there is no key in it."""
        messages = [
            _changed(message, "content", self.text, tool_calls=self._calls(message.tool_calls))
            for message in request.messages
        ]
        same = all(new is old for new, old in zip(messages, request.messages, strict=True))
        return request if same else evolve(request, messages=messages)

    def reply(self, reply: LlmReply) -> LlmReply:
        """What a model answered."""
        changed: LlmReply = _changed(reply, "text", self.text, tool_calls=self._calls(reply.tool_calls))
        return changed

    def error(self, error: BaseException) -> None:
        """Take keys out of what an exception says, and of what it was raised from."""
        seen: set[int] = set()
        one: BaseException | None = error
        while one is not None and id(one) not in seen:
            seen.add(id(one))
            said = tuple(self._cut_off(self.text(each)) if isinstance(each, str) else each for each in one.args)
            if said != one.args:
                one.args = said
            one = one.__cause__ or one.__context__

    def _cut_off(self, text: str) -> str:
        """Without the beginning of a key at its end: what quotes a server may have been cut in the middle of one."""
        whole = text.rstrip("….\"'")
        for value in self.values:
            for length in range(min(len(value) - 1, len(whole)), _SHORTEST - 1, -1):
                if whole.endswith(value[:length]):
                    return whole[:-length] + SECRET
        return text

    def _calls(self, calls: tuple[Any, ...]) -> tuple[Any, ...]:
        changed = tuple(_changed(call, "arguments", self.text) for call in calls)
        return calls if all(new is old for new, old in zip(changed, calls, strict=True)) else changed


def secrets_of(
    options: Mapping[str, Mapping[str, Any]], environment: Mapping[str, str] | None = None, named: Iterable[str] = ()
) -> Iterator[str]:
    """Every key that can be known by its value.

    Args:
        options: tables of components' options. An option that ends in ``_env`` names a variable with a key.
        named: further variables whose values are keys.
    """
    environment = os.environ if environment is None else environment
    own = set(named)
    for key, value in _leaves(options):
        if key.lower().endswith("_env"):
            own.add(value)
        elif not key.lower().endswith("_keyring") and _is_key(key, value):
            yield value
        yield from _passwords(value)
    for name, value in environment.items():
        if (name in own and len(value.strip()) >= _SHORTEST) or _is_key(name, value):
            yield value.strip()
        yield from _passwords(value)


def _is_key(name: str, value: str) -> bool:
    name, value = name.upper(), value.strip()
    if len(value) < _SHORTEST or not (_NAMED.search(name) or _PERHAPS.search(name)):
        return False
    if not _NAMED.search(name) and _PLAIN.fullmatch(value):
        return False
    try:
        return not ("/" in value and Path(value).exists())
    except (OSError, ValueError):  # too long for a name, or none
        return True


def _passwords(value: str) -> Iterator[str]:
    """The password in an address, as it stands there and as it is meant."""
    for found in _PASSWORD.findall(value):
        if len(found) >= _SHORTEST:
            yield found
            yield unquote(found)


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text of nested tables and lists, with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, str(name))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, key)


def _changed(value: Any, name: str, change: Callable[[str], str], **others: Any) -> Any:
    """``value`` with one text changed and other fields as given; the same object when all of that is as it was."""
    before = getattr(value, name)
    after = change(before)
    if after == before and all(getattr(value, other) is each for other, each in others.items()):
        return value
    return evolve(value, **{name: after}, **others)
