"""What this folder offers: the language ``python``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["python"]


def _make_python(options: Any, services: Services) -> Any:
    from .python.language import Python

    return Python()


class _Python:
    @hookimpl
    def dispatcher_languages(self) -> Iterable[Component]:
        """Offer ``python``."""
        yield Component("python", "Python packages in a src layout, tested with pytest.", _make_python, default_rank=10)


python = _Python()
