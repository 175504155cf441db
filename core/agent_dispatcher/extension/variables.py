"""Options that name a variable of the environment, where somebody may have put the key itself: what stands there is then not repeated."""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import Attribute

__all__ = ["shown_name", "variable_name"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: As people name variables: words with few digits.
_USUAL: Final = re.compile(r"_?(?:[A-Za-z]{0,19}[0-9]{0,3}[A-Za-z]?(?:_+|$)){1,10}")


def variable_name(instance: object, attribute: Attribute[Any], value: str | None) -> None:
    """An attrs validator: the value, if there is one, can be the name of a variable. The error does not show it."""
    if value is not None and not _NAME.fullmatch(value):
        raise ValueError(
            f"'{attribute.name}' must be the name of an environment variable (letters, digits and _); what stands there is no name and is not "
            "shown: if it is the key, put it into a variable and name that"
        )


def shown_name(name: str) -> str:
    """The name of a variable as a message may show it: one that looks more like a key is not shown."""
    return name if _USUAL.fullmatch(name) else "<not shown: it looks like a key, not like the name of a variable>"
