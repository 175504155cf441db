"""What is said when a name does not lead to one component: nobody offers it, or two plugins do."""

from __future__ import annotations

from collections.abc import Sequence

from ..codec import close_matches, suggestion
from ..config import USE_KEYS, Config
from ..errors import ComponentConflictError, UnknownComponentError
from .loaded import LoadedPlugins
from .offers import Offered

__all__ = ["conflicting", "unknown", "words"]


def words(kind: str) -> str:
    """A kind of component as people call it."""
    return {"llm": "model backend"}.get(kind, kind.replace("_", " "))


def unknown(
    kind: str, name: str, offers: Sequence[Offered], config: Config, plugins: LoadedPlugins
) -> UnknownComponentError:
    """The error for a name that is not among ``offers``, with close matches and the plugins that might have offered it."""
    names = sorted({each.name for each in offers})
    message = f"no {words(kind)} is called {name!r}: {suggestion(name, names)}"
    path = f"use.{USE_KEYS[kind]}"
    where = config.where(path) if name in _as_tuple(config.use.of(kind)) else ""
    if where:
        message = f"{where}: {path}: {message}"
    unused = {each.key for each in plugins.not_in_use()}
    absent = [each for each in plugins.all() if each.key in unused or each.status == "failed"]
    near = [each for each in absent if each.is_called(name) or close_matches(name, [each.name])]
    matches = close_matches(name, names)
    # With a close match it is a slip of the pen; without one the plugin that should have offered it may be out of action.
    for each in (near or ([] if matches else absent))[:5]:
        state = "failed" if each.status == "failed" else "is disabled"
        message += f"\n  plugin {each} {state}: {each.reason}"
    return UnknownComponentError(message, kind=kind, component=name, matches=matches)


def conflicting(kind: str, name: str, providers: Sequence[Offered], config: Config) -> ComponentConflictError:
    """The error for a name that several ``providers`` offer, none of which the configuration prefers."""
    named = sorted({each.plugin.provider for each in providers})
    if len(named) < len(providers):  # one distribution twice: only the plugins' names tell them apart
        named = sorted(each.plugin.name for each in providers)
    key = f"{kind}:{name}"
    wanted = config.prefer.get(key)
    message = f"{words(kind)} {name!r} is offered by {' and by '.join(named)}"
    if wanted is not None:
        where = config.where(f"prefer.{key}") or "[prefer]"
        message += f", and {where} prefers {wanted!r}, which is neither"
    message += f': choose one with [prefer] "{key}" = "{named[0]}", or disable the other plugin'
    return ComponentConflictError(message, kind=kind, component=name, providers=named)


def _as_tuple(configured: tuple[str, ...] | str | None) -> tuple[str, ...]:
    if configured is None:
        return ()
    return (configured,) if isinstance(configured, str) else configured
