"""How a repository writes its tests: with vitest where its manifest asks for it, else with node's own; and what they import the code by, from where they are."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence

from attrs import define

from agent_dispatcher.extension.components import ToolsForTests
from agent_dispatcher.models import ArtifactRef

from .installing import MANIFEST
from .text import stem

__all__ = ["FittedTools", "fitted"]

_VITEST = "vitest (describe, it and expect are imported from it)"


@define
class FittedTools:
    """See :class:`agent_dispatcher.extension.components.ToolsForTests`.

    Attributes:
        test_framework: what the repository uses.
        plain: the language's, for a repository that says nothing.
        test: the file of tests that is to be written; ``""`` when it is not known.
        vitest: whether vitest runs it.
        ending: of files that are promised nowhere.
    """

    test_framework: str
    plain: ToolsForTests
    test: str
    vitest: bool
    ending: str

    def test_path(self, name: str) -> str:
        """As the language says."""
        return self.plain.test_path(name)

    def import_line(self, module: str, name: str, paths: Sequence[str]) -> str:
        """From the folder of the test; vitest finds TypeScript without its ending, and compilers that check types want it so."""
        what = f"{{ {name} }}" if name else "* as subject"
        file = next((path for path in paths if stem(path) == stem(module)), f"src/{stem(module)}{self.ending}")
        place = posixpath.relpath(file, posixpath.dirname(self.test) if self.test else "tests")
        if self.vitest:
            place = re.sub(r"\.tsx?$", "", place)
        return f'import {what} from "{place if place.startswith(".") else f"./{place}"}"'

    def absence(self, message: str, promised: Iterable[ArtifactRef]) -> str | None:
        """As the language says."""
        return self.plain.absence(message, promised)


def fitted(plain: ToolsForTests, read: Callable[[str], str | None], test: str, ending: str) -> ToolsForTests:
    """See :class:`agent_dispatcher.extension.components.FitsTests`."""
    vitest = _asks_for_vitest(read(MANIFEST))
    return FittedTools(_VITEST if vitest else plain.test_framework, plain, test, vitest, ending)


def _asks_for_vitest(manifest: str | None) -> bool:
    try:
        data = json.loads(manifest or "{}")
    except (ValueError, RecursionError):
        return False
    tables = [data.get(key) for key in ("dependencies", "devDependencies")] if isinstance(data, dict) else []
    return any(isinstance(table, dict) and "vitest" in table for table in tables)
