"""Which values are keys: those of variables and options that are named like one, or that configuration names; and passwords in addresses.

A value that is short, is the name of a file, or is an ordinary word (see :mod:`.ordinary`) is no key, unless configuration says that the variable
holds one: taken out of every text it would leave nothing that works.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from attrs import field, frozen

from ..extension.variables import shown_name
from .dummies import is_dummy
from .ordinary import is_ordinary
from .scrubbing import Scrubber, shaped

if TYPE_CHECKING:
    from ..config import Config

__all__ = ["Secrets", "scrubber_of", "secrets_of"]

_SHORTEST: Final = 8
#: Named like a key beyond doubt.
_NAMED: Final = re.compile(
    r"TOKEN(?!S|IZ)|SECRET|PASSWO?R?D|PASSPHRASE|CREDENTIAL|(API|ACCESS|PRIVATE|AUTH|SIGNING|ENCRYPTION)_?KEY|(^|_)PAT($|_)"
)
#: Named like a key, or like that of a dictionary: then the value has to look like one too.
_PERHAPS: Final = re.compile(r"KEY($|_)")
_PLAIN: Final = re.compile(r"[a-z]+(?:[-_. ][a-z]+)*|[A-Z]+(?:[-_. ][A-Z]+)*|[\d.,:-]+")
_FINGERPRINT: Final = re.compile(r"[0-9A-F]{40}")
#: ``"apiKey": "..."``, ``TOKEN=...``, ``auth-token: ...``; tried once for each word, and without ways back: options may be long texts.
_ASSIGNED: Final = re.compile(
    r"(?<![\w-])(?>(?:(?![A-Za-z])[\w-])*)([A-Za-z][\w-]*+)[\"']?\s*+[=:]\s*+([\"']?)([^\s\"',;{}<>]{8,}+)\2"
)
_PASSWORD: Final = re.compile(r"://[^\s/:@]*:([^\s/@]+)@")


@frozen(kw_only=True)
class Secrets:
    """What is known of keys; iterates over them.

    Attributes:
        values: the keys. Never shown.
        plain: variables and options that are named like a key and hold an ordinary word, variables that configuration names and whose value is
            too short, and a word that is the key of a model's server: what is not hidden, though somebody may think so; sorted.
    """

    values: tuple[str, ...] = field(repr=False)
    plain: tuple[str, ...]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values)

    @classmethod
    def of(cls, config: Config, backend: object = None) -> Secrets:
        """Those of the environment, of a configuration, and what a backend holds: a server of one's own takes any word for a key."""
        settings = config.provenance
        known = secrets_of(config.options, named=settings.secrets, none=settings.not_secrets)
        none = {os.environ.get(name, "").strip() for name in settings.not_secrets}
        held = [value for value in map(str, getattr(backend, "secrets", ())) if value.strip() not in none]
        words = [value for value in held if is_ordinary(value)]
        told = {*known.values, *(os.environ.get(name, "").strip() for name in known.plain)}
        untold = any(len(value) >= _SHORTEST and value.strip() not in told for value in words)
        plain = {*known.plain, "the key of the model's server"} if untold else known.plain
        values = [*known.values, *(value for value in held if value not in words)]
        return cls(values=tuple(dict.fromkeys(values)), plain=tuple(sorted(plain)))


def scrubber_of(config: Config, backend: object = None) -> Scrubber:
    """What takes out keys: those of the environment and of the configuration, and what a backend says in its attribute ``secrets`` that it holds."""
    return Scrubber.of(Secrets.of(config, backend))


def secrets_of(
    options: Mapping[str, Mapping[str, Any]],
    environment: Mapping[str, str] | None = None,
    named: Iterable[str] = (),
    none: Iterable[str] = (),
) -> Secrets:
    """Every key that can be known by its value.

    Args:
        options: tables of components' options. An option that ends in ``_env`` names a variable with a key.
        named: further variables whose values are keys, whatever they look like.
        none: variables whose values are no keys, whatever they are called.
    """
    environment = os.environ if environment is None else environment
    insisted, none, values, plain = frozenset(named), frozenset(none), list[str](), set[str]()
    own = {*insisted}
    for where, key, value in _leaves(options):
        if key.lower().endswith("_env"):
            own.add(value)
            if shown_name(value) != value and len(value) >= _SHORTEST:  # the key itself, in the wrong place
                values.append(value)
        elif not key.lower().endswith("_keyring") and _is_named_like_a_key(key, value):
            _sort(value, f"option {key} of {where}", values, plain)
        values += _passwords(value)
        values += _inside(value)
    for name, value in environment.items():
        if name in none:
            continue
        value = value.strip()
        if name in own:
            if len(value) >= _SHORTEST and (name in insisted or not is_dummy(value)):
                values.append(value)
            elif value:
                plain.add(name)
        elif _is_named_like_a_key(name, value):
            _sort(value, name, values, plain)
        values += _passwords(value)
    return Secrets(values=tuple(dict.fromkeys(values)), plain=tuple(sorted(plain)))


def _sort(value: str, name: str, values: list[str], plain: set[str]) -> None:
    value = value.strip()
    if not is_ordinary(value):
        values.append(value)
    elif "/" not in value:  # where something is, is no key; nobody need be told
        plain.add(name)


def _is_named_like_a_key(name: str, value: str) -> bool:
    """Whether a name says that the value is a key, and the value could be one."""
    name, value = name.upper(), value.strip()
    if "GPG_KEY" in name and _FINGERPRINT.fullmatch(value):
        return False  # of a key that is public
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
        meant = unquote(found)
        if len(found) >= _SHORTEST and not is_ordinary(meant):
            yield found
            yield meant


def _inside(value: str) -> Iterator[str]:
    """Keys in a text that is an option: a file for an agent's home folder, a header, words of a command."""
    yield from shaped(value)
    for name, _, said in _ASSIGNED.findall(value):
        if _is_named_like_a_key(name, said) and not is_ordinary(said):
            yield said


def _leaves(value: Any, key: str = "", where: str = "") -> Iterator[tuple[str, str, str]]:
    """Every text of nested tables and lists: the outermost key, the key it stands under, and the text."""
    if isinstance(value, str):
        yield where, key, value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _leaves(each, str(name), where or str(name))
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _leaves(each, key, where)
