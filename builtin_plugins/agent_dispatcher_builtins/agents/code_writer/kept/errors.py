"""The one error by which this package refuses something."""

from __future__ import annotations

__all__ = ["DomainError"]


class DomainError(Exception):
    """Something is not allowed; nothing was changed.

    Attributes:
        code: what programs look at.
        message: a sentence for people, or nothing.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.message else self.code
