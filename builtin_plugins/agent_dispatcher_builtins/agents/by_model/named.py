"""The functions that a text gives examples of, where the plan promises a file and does not say what is in it."""

from __future__ import annotations

import builtins
import re
from collections.abc import Sequence

from agent_dispatcher.extension.components import CodeTools, Language
from agent_dispatcher.models import ArtifactRef

__all__ = ["symbols_of"]

_CALLED = re.compile(r"(?<![\w.])([A-Za-z_]\w*)\(")
_EVERYWHERE = frozenset(dir(builtins))


def symbols_of(produces: Sequence[ArtifactRef], said: str, language: Language | None) -> tuple[str, ...]:
    """The symbols (``module:name``) that a task has to define.

    Those it promises; where it promises none and a single source file, the functions that ``said`` gives examples of: a call with literals, and its result.

    Args:
        said: what the specification says of the task.
    """
    promised = tuple(ref.name for ref in produces if ref.type == "symbol")
    if promised or not isinstance(language, CodeTools):
        return promised
    paths = (ref.name for ref in produces if ref.type == "path")
    sources = [path for path in paths if language.is_source(path) and not language.is_test(path)]
    module = language.module(sources[0]) if len(sources) == 1 else ""
    if not module:
        return ()
    called = dict.fromkeys(name for name in _CALLED.findall(said) if name not in _EVERYWHERE)
    symbols = (f"{module}:{name}" for name in called)
    return tuple(symbol for symbol in symbols if language.example_tests(said, (symbol,)))
