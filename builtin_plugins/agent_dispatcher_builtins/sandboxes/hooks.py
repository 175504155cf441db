"""What this folder offers: the sandboxes ``bubblewrap``, ``reduced`` and ``none``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["bubblewrap", "none", "reduced"]


def _make_bubblewrap(options: Any, services: Services) -> Any:
    from .bubblewrap import Bubblewrap

    return Bubblewrap()


def _make_reduced(options: Any, services: Services) -> Any:
    from .reduced import Reduced

    return Reduced()


def _make_none(options: Any, services: Services) -> Any:
    from .unprotected import Unprotected

    return Unprotected()


class _Bubblewrap:
    @hookimpl
    def dispatcher_sandboxes(self) -> Iterable[Component]:
        """Offer ``bubblewrap``."""
        yield Component(
            "bubblewrap",
            "Linux namespaces by bubblewrap: no network, a read-only system, limits (tier isolated).",
            _make_bubblewrap,
            default_rank=10,
        )


class _Reduced:
    @hookimpl
    def dispatcher_sandboxes(self) -> Iterable[Component]:
        """Offer ``reduced``."""
        yield Component(
            "reduced",
            "Landlock and a filter of system calls: no package needed, processes are shared; only if you choose it (tier reduced).",
            _make_reduced,
            default_rank=50,
        )


class _None:
    @hookimpl
    def dispatcher_sandboxes(self) -> Iterable[Component]:
        """Offer ``none``."""
        yield Component(
            "none",
            "No protection: plain processes with limits, only by --unsafe-no-sandbox (tier none).",
            _make_none,
            default_rank=90,
        )


bubblewrap = _Bubblewrap()
none = _None()
reduced = _Reduced()
