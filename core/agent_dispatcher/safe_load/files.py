"""Files as texts."""

from __future__ import annotations

from pathlib import Path

from ..errors import UsageError
from .refusing import MAX_BYTES, error_at, refuse_nul

__all__ = ["read_text"]


def read_text(path: Path, *, name: str = "", max_bytes: int = MAX_BYTES) -> str:
    """The text of a file.

    Args:
        path: the file.
        name: how messages call it; its path by default.
        max_bytes: a larger file is refused before it is read.

    Returns:
        The text without a byte order mark, lines as they were.

    Raises:
        UsageError: there is no such file, or it cannot be read.
        SpecificationError: it is too large, not UTF-8, or holds NUL.
    """
    shown = name or str(path)
    try:
        if path.is_fifo() or path.is_socket() or path.is_char_device():  # would be waited for, or never ends
            raise UsageError(f"{shown} is no regular file")
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except FileNotFoundError:
        raise UsageError(f"{shown}: there is no such file") from None
    except IsADirectoryError:
        raise UsageError(f"{shown} is a folder, not a file") from None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror or error}") from error
    if len(data) > max_bytes:
        raise error_at(f"the file is larger than {max_bytes:,} bytes", shown, remedy="divide it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise error_at(
            f"byte 0x{data[error.start]:02x} is not UTF-8", f"{shown}:{line}", remedy="save the file as UTF-8"
        ) from None
    refuse_nul(text, shown)
    return text
