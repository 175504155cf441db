"""Values made by the hundred thousand, without asking their validators again about what was valid before.

attrs makes a frozen value by one call of ``object.__setattr__`` for each field, its validators and, for a copy, a dict of all fields. Here a function
is generated for a class that sets its slots directly, in a quarter of the time. What it is given must be right: it checks nothing and fills in
no defaults. So it is for values that were taken from others of the class, or were checked by whoever calls it; anything else calls the class.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

import attrs

__all__ = ["changer", "maker"]

T = TypeVar("T")


@cache
def maker(cls: type[T]) -> Callable[..., T]:
    """A function that takes every field of ``cls`` by position, in order, and gives the value.

    Args:
        cls: an attrs class with slots whose fields all stand in ``__init__`` and that has no ``__attrs_post_init__``.
    """
    names = [each.name for each in attrs.fields(cls)]  # type: ignore[arg-type]
    return _generated(cls, ", ".join(names), {name: name for name in names})


@cache
def changer(cls: type[T], name: str) -> Callable[[T, Any], T]:
    """A function that takes a value of ``cls`` and gives it with another value of the field ``name``; see :func:`maker`."""
    names = [each.name for each in attrs.fields(cls)]  # type: ignore[arg-type]
    if name not in names:
        raise TypeError(f"{cls.__name__} has no field {name!r}")
    return _generated(cls, "old, new", {each: "new" if each == name else f"old.{each}" for each in names})


def _generated(cls: type[T], parameters: str, values: dict[str, str]) -> Callable[..., T]:
    if "__slots__" not in vars(cls) or hasattr(cls, "__attrs_post_init__"):
        raise TypeError(f"{cls.__name__} has no slots, or does something when it is made: call it instead")
    known: dict[str, Any] = {f"set_{name}": getattr(cls, name).__set__ for name in values}
    known |= {"allocate": object.__new__, "cls": cls}
    lines = [f"def make({parameters}):", " made = allocate(cls)"]
    lines += [f" set_{name}(made, {value})" for name, value in values.items()]
    exec("\n".join([*lines, " return made"]), known)  # noqa: S102 - of nothing but names of fields
    made: Callable[..., T] = known["make"]
    return made
