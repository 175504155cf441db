"""``Pipfile``: what Pipenv installs to run and to develop a tree."""

from __future__ import annotations

import tomllib
from typing import Any

from agent_dispatcher.errors import Unavailable

from .manifest import Entry, Manifest, line_of, sets, table
from .tables import entries_of

__all__ = ["pipfile"]


def pipfile(file: str, text: str) -> Manifest:
    """``[packages]`` and ``[dev-packages]``; the sources it names are not used.

    Raises:
        Unavailable: it cannot be read.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {file}: {error}", f"mend {file}") from error

    def read(header: str) -> tuple[Entry, ...]:
        asked: dict[str, Any] = table(values, header)
        return tuple(
            entry
            for name, value in asked.items()
            for entry in entries_of(name, value, line_of(file, text, name, [header]))
        )

    return Manifest(dependencies=read("packages"), groups=sets([("dev", read("dev-packages"))]))
