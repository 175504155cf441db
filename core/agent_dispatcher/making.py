"""Makes many small values quickly.

A frozen attrs class guards its instances in Python, so its own ``__init__`` pays for each field. For the values that are made for every single task
of a run, :func:`maker` gives a function that costs about a third: it fills an instance of a twin class, which is not guarded, and then makes
it one of the frozen class. Nothing is promised less: what comes out is an instance of just that class, as frozen and as equal as any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import fields

__all__ = ["maker"]

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
    twin = type(f"_{cls.__name__}", (), {"__slots__": tuple(names)})
    twin().__class__ = cls  # a class that cannot be made in this way is refused here
    lines = [
        f"def make({', '.join(names)}):",
        "    made = new(twin)",
        *(f"    made.{name} = {name}" for name in names),
        "    made.__class__ = cls",
        "    return made",
    ]
    place: dict[str, Any] = {"new": object.__new__, "twin": twin, "cls": cls}
    exec("\n".join(lines), place)  # noqa: S102 - of the names of fields, which are Python's own names
    make: Callable[..., T] = place["make"]
    make.__qualname__, make.__module__ = f"make {cls.__name__}", cls.__module__
    make.__doc__ = f"A :class:`{cls.__name__}` of all its fields, in their order."
    return make
