"""What every reply that comes piece by piece is read with."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any

from agent_dispatcher.llm import MOST_TOKENS

from .failures import Failures

__all__ = ["counted", "part_of_text", "sound", "within"]


@contextlib.asynccontextmanager
async def within(seconds: float, failures: Failures, what: str, option: str) -> AsyncIterator[None]:
    """A limit that is named in the error where it is reached."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise failures.error(f"{what} within {seconds:.3g} seconds ({option})", "transient") from None


def sound(text: str) -> str:
    """The text with halves of surrogate pairs joined; one that stands alone is no character and becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def part_of_text(value: object) -> str:
    """A piece of a text, which a server may leave out.

    Raises:
        TypeError: it is there, and is no text.
    """
    if value is not None and not isinstance(value, str):
        raise TypeError(f"its content is {type(value).__name__}, not a text")
    return value or ""


def counted(value: Any) -> int:
    """Tokens as a server counts them, which it may leave out.

    Raises:
        TypeError, ValueError: it is there, and no exchange can have so many.
    """
    if value is None:
        return 0
    number = value if isinstance(value, int) else float(value)
    if not 0 <= number <= MOST_TOKENS:
        raise ValueError("it counts more tokens than an exchange can have, or fewer than none")
    return math.ceil(number)
