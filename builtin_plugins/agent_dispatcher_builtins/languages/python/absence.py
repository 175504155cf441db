"""What a failed import of Python says is not there, if it is something that is promised."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agent_dispatcher.models import ArtifactRef

__all__ = ["absence"]

_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_NO_NAME = re.compile(r"ImportError: cannot import name '(\w+)' from (?:partially initialized module )?'([\w.]+)'")


def absence(message: str, promised: Iterable[ArtifactRef]) -> str | None:
    """See :class:`agent_dispatcher.extension.components.ToolsForTests`."""
    module, symbol = _NO_MODULE.search(message), _NO_NAME.search(message)
    if module is None and symbol is None:
        return None
    modules, symbols = _names(promised)
    if module:
        name = module[1]
        there = name in modules or any(known.startswith(name + ".") for known in modules)
        return f"module {name} is not there yet" if there else None
    assert symbol is not None
    name, source = symbol[1], symbol[2]
    known = (source, name) in symbols or f"{source}.{name}" in modules or source in modules
    return f"{source}:{name} is not there yet" if known else None


def _names(promised: Iterable[ArtifactRef]) -> tuple[set[str], set[tuple[str, str]]]:
    modules: set[str] = set()
    symbols: set[tuple[str, str]] = set()
    for ref in promised:
        if ref.type == "symbol":
            module, _, name = ref.name.partition(":")
            modules.add(module)
            symbols.add((module, name.split(".")[0]))
        elif ref.type == "path" and ref.name.endswith(".py"):
            modules.update(_modules_of(ref.name))
    return modules, symbols


def _modules_of(path: str) -> set[str]:
    parts = path.removesuffix(".py").split("/")
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if parts[:1] == ["src"]:
        return {".".join(parts[1:])} - {""}
    return {".".join(parts), parts[-1]} if parts else set()
