"""Where keys come from: the environment, or the keyring of the system. From nowhere else, and to one server only."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec

from agent_dispatcher.errors import Unavailable
from agent_dispatcher.extension.variables import shown_name

from .options import KeyedOptions

__all__ = ["find_key"]


def find_key(options: KeyedOptions, backend: str, usual: str) -> tuple[str, str]:
    """The key, and where it comes from in words; both empty when none is wanted.

    Args:
        usual: the variable with the key of the server that is asked, ``""`` where it has none of its own: no server gets the key of another.

    Raises:
        Unavailable: the key is named and not there, or cannot be one.
    """
    if options.api_key_keyring:
        key, hint = (
            _in_keyring(options.api_key_keyring, backend),
            f"the key is that of the keyring's {options.api_key_keyring}",
        )
    else:
        name = options.api_key_env or usual
        if not name:
            return "", ""
        key, shown = os.environ.get(name, "").strip(), shown_name(name)
        hint = f"the key is that of the environment variable {shown}"
        if not key:
            what = f"backend {backend!r} needs a key: the environment variable {shown} is not set"
            raise Unavailable(
                what, f"export {name}=..." if shown == name else "api_key_env names a variable that holds the key"
            )
    if not key.isascii() or not key.isprintable():
        raise Unavailable(f"backend {backend!r}: {hint}, and holds a character that no key has", "set it again")
    return key, hint


def _in_keyring(place: str, backend: str) -> str:
    service, _, user = place.partition(":")
    if find_spec("keyring") is None:
        raise Unavailable(
            f"backend {backend!r} has its key in the keyring, which needs the package keyring",
            "pip install 'agent-dispatcher[keyring]'",
        )
    keyring, errors = import_module("keyring"), import_module("keyring.errors")
    try:
        key: str | None = keyring.get_password(service, user)
    except errors.KeyringError as error:
        raise Unavailable(f"backend {backend!r}: the keyring cannot be read: {type(error).__name__}") from None
    if not key:
        raise Unavailable(
            f"backend {backend!r} needs a key: the keyring has none for {place}", f"keyring set {service} {user}"
        )
    return key.strip()
