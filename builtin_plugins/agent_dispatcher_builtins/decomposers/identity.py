"""Task ids that people can read and that stay as long as the content does."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

__all__ = ["Identities"]

_WORDS = 5
_LENGTH = 40


class Identities:
    """Gives out ids, each once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._again: dict[str, int] = {}

    def take(self, title: str, content: str) -> str:
        """A slug of ``title`` and the beginning of a hash over both: ``model-book-3f9a``. Longer only if that is taken."""
        slug = _slug(title)
        digest = sha256(f"{title}\n{content}".encode()).hexdigest()
        for length in range(4, 17, 4):
            name = f"{slug}-{digest[:length]}"
            if name not in self._taken:
                break
        else:  # the same content again
            number = self._again.get(name, 2)
            while f"{name}-{number}" in self._taken:
                number += 1
            self._again[name] = number + 1
            name = f"{name}-{number}"
        self._taken.add(name)
        return name


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    slug = "-".join(words[:_WORDS])[:_LENGTH].strip("-")
    return slug or "task"
