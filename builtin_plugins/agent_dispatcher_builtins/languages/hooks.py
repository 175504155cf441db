"""What this folder offers: the languages ``javascript``, ``python`` and ``typescript``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

from .javascript.options import JavaScriptOptions
from .python.options import PythonOptions

__all__ = ["javascript", "python"]


def _make_python(options: Any, services: Services) -> Any:
    from .python.language import Python

    return Python(options, services.data_dir, services.log)


def _make_javascript(options: Any, services: Services) -> Any:
    from .javascript.language import JavaScript

    return JavaScript("javascript", options, services.data_dir)


def _make_typescript(options: Any, services: Services) -> Any:
    from .javascript.language import JavaScript

    return JavaScript("typescript", options, services.data_dir)


class _JavaScript:
    @hookimpl
    def dispatcher_languages(self) -> Iterable[Component]:
        """Offer ``javascript`` and ``typescript``."""
        yield Component(
            "javascript",
            "ES modules below src, tested with node's own test runner.",
            _make_javascript,
            JavaScriptOptions,
            default_rank=20,
        )
        yield Component(
            "typescript",
            "TypeScript below src, run and tested by node as it is.",
            _make_typescript,
            JavaScriptOptions,
            default_rank=30,
        )


class _Python:
    @hookimpl
    def dispatcher_languages(self) -> Iterable[Component]:
        """Offer ``python``."""
        yield Component(
            "python",
            "Python packages in a src layout, tested with pytest.",
            _make_python,
            PythonOptions,
            default_rank=10,
        )


javascript = _JavaScript()
python = _Python()
