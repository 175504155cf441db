"""Takes one key out of a stream of bytes, also where it comes in two pieces."""

from __future__ import annotations

from typing import Final

from agent_dispatcher.provenance.scrubbing import SECRET

__all__ = ["Mask"]

#: What is shorter is taken for no key: it would be found in everything.
_SHORTEST: Final = 8


class Mask:
    """Replaces a key as it stands; one that somebody wrote in another way is not known.

    Args:
        key: ``None`` for none.
    """

    def __init__(self, key: str | None) -> None:
        self._key = (key or "").encode("utf-8")
        if len(self._key) < _SHORTEST:
            self._key = b""
        self._held = b""

    def whole(self, text: str) -> str:
        """A text of its own."""
        key = self._key.decode("utf-8")
        return text.replace(key, SECRET) if key else text

    def take(self, piece: bytes) -> bytes:
        """What can be passed on now: all but what may be the beginning of the key."""
        if not self._key:
            return piece
        data = (self._held + piece).replace(self._key, SECRET.encode())
        longest = min(len(self._key) - 1, len(data))
        begun = next((size for size in range(longest, 0, -1) if data.endswith(self._key[:size])), 0)
        self._held = data[len(data) - begun :]
        return data[: len(data) - begun]

    def rest(self) -> bytes:
        """What was held back."""
        held, self._held = self._held, b""
        return held
