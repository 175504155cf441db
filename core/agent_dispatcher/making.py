"""Makes many small values quickly.

A frozen attrs class guards its instances in Python, so its own ``__init__`` pays for each field. For the values that are made for every single task
of a run, :func:`maker` gives a function that costs about a third: it fills an instance of a twin class, which is not guarded, and then makes
it one of the frozen class. Nothing is promised less: what comes out is an instance of just that class, as frozen and as equal as any other.
:func:`changer` does the same for a copy that differs in one field, and :func:`table` makes small dicts of which many are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import fields

__all__ = ["changer", "maker", "table"]

T = TypeVar("T")


def maker(cls: type[T]) -> Callable[..., T]:
    """A function that makes an instance of ``cls`` of all its fields, by position, in their order.

    Defaults, converters and validators are passed over: it is for values that the program itself makes, field by field.

    Args:
        cls: a frozen attrs class with slots, without bases of its own, declared with ``weakref_slot=False``.

    Raises:
        TypeError: the class is laid out in another way.
    """
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    make = _generated(cls, ", ".join(names), {name: name for name in names})
    make.__qualname__, make.__module__ = f"make {cls.__name__}", cls.__module__
    make.__doc__ = f"A :class:`{cls.__name__}` of all its fields, in their order."
    return make


def changer(cls: type[T], name: str) -> Callable[[T, Any], T]:
    """A function that takes an instance of ``cls`` and gives one with another value of the field ``name``; see :func:`maker`."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    if name not in names:
        raise TypeError(f"{cls.__name__} has no field {name!r}")
    change = _generated(cls, "old, value", {each: "value" if each == name else f"old.{each}" for each in names})
    change.__qualname__, change.__module__ = f"change {name} of {cls.__name__}", cls.__module__
    change.__doc__ = f"The :class:`{cls.__name__}` with another ``{name}``."
    return change


def table(*keys: str) -> Callable[..., dict[str, Any]]:
    """A function that makes a dict of just these keys from their values, by position, in this order.

    The dicts are ordinary ones. But they are made as those of instances are, which share the memory of their keys: each takes about half of what
    it would take on its own.
    """
    place: dict[str, Any] = {"new": object.__new__, "shape": type("_Shape", (), {})}
    lines = [f"def make({', '.join(keys)}):", "    made = new(shape)"]
    lines += [f"    made.{key} = {key}" for key in keys]
    exec("\n".join([*lines, "    return made.__dict__"]), place)  # noqa: S102 - of keys that are Python's own names
    make: Callable[..., dict[str, Any]] = place["make"]
    make.__qualname__, make.__doc__ = "make table", f"A dict of {', '.join(keys)}."
    return make


def _generated(cls: type[T], parameters: str, values: dict[str, str]) -> Callable[..., T]:
    """A function of ``parameters`` that fills a twin; field name to the expression of its value."""
    twin = type(f"_{cls.__name__}", (), {"__slots__": tuple(values)})
    twin().__class__ = cls  # a class that cannot be made in this way is refused here
    lines = [
        f"def make({parameters}):",
        "    made = new(twin)",
        *(f"    made.{name} = {value}" for name, value in values.items()),
        "    made.__class__ = cls",
        "    return made",
    ]
    place: dict[str, Any] = {"new": object.__new__, "twin": twin, "cls": cls}
    exec("\n".join(lines), place)  # noqa: S102 - of the names of fields, which are Python's own names
    make: Callable[..., T] = place["make"]
    return make
