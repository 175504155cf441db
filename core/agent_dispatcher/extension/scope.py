"""Components that live together: each is created when first asked for, all are closed in reverse order."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from attrs import evolve

from ..errors import PluginError
from .components import Services

__all__ = ["Components"]

log = logging.getLogger(__name__)

_LLM: Final = "llm"


class Components:
    """One lifetime. The dispatcher has one for planning, and one per run for what lives as long as a run.

    Get one from :meth:`agent_dispatcher.extension.registry.Registry.scope`. It belongs to one thread.

    Attributes:
        data_dir: where its components may keep files.
    """

    def __init__(
        self,
        create: Callable[[str, str, Services], Any],
        services: Callable[[str, str, Path], Services],
        data_dir: Path,
    ) -> None:
        self.data_dir = data_dir
        self._create = create
        self._make_services = services
        self._components: dict[tuple[str, str], Any] = {}
        self._closed = False

    def get(self, kind: str, name: str) -> Any:
        """The component; created on the first call, the same one afterwards.

        Raises:
            PluginError: as :meth:`agent_dispatcher.extension.registry.Registry.create`.
            RuntimeError: the scope is closed.
        """
        if self._closed:
            raise RuntimeError(f"{kind} {name!r} is asked for after its scope was closed")
        key = (kind, name)
        if key not in self._components:
            self._components[key] = self._create(kind, name, self.services(kind, name))
        return self._components[key]

    def services(self, kind: str, name: str) -> Services:
        """What a component of this lifetime is given; for those that are created one by one, as agents are.

        A model backend is given to model backends alone: anything else asks the model it is handed, where calls are counted.
        """
        services = self._make_services(kind, name, self.data_dir)
        if kind == _LLM or services.config.budget.allow_unmetered:
            return evolve(services, component=self.get)

        def metered(wanted: str, other: str) -> Any:
            if wanted == _LLM:
                what = (
                    f"{kind} {name!r} wants the model backend {other!r} for itself, where nobody counts what it spends"
                )
                raise PluginError(f"{what} (ask context.llm, or allow it with budget.allow_unmetered = true)")
            return self.get(wanted, other)

        return evolve(services, component=metered)

    async def aclose(self) -> None:
        """Close everything, the latest first. What fails to close is logged and keeps nothing else from being closed."""
        self._closed = True
        while self._components:
            (kind, name), component = self._components.popitem()
            close = getattr(component, "aclose", None) or getattr(component, "close", None)
            if not callable(close):
                continue
            try:
                result = close()
                if inspect.isawaitable(result):
                    await result
            except Exception:
                log.warning("%s %r could not be closed", kind, name, exc_info=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()
