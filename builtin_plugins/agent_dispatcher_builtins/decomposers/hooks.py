"""What this folder offers: the builtin decomposers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["listed", "llm", "pattern"]


class _Listed:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        """The tasks the specification lists itself."""
        yield Component("listed", "Takes the tasks that the specification lists itself.", _listed, default_rank=10)


class _Llm:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        """Tasks by a language model."""
        from .llm.options import LlmDecomposerOptions

        yield Component(
            "llm",
            "Lets the configured language model split requirements, and checks what it says; declines without a model.",
            _llm,
            options=LlmDecomposerOptions,
            default_rank=20,
        )


class _Pattern:
    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Component]:
        """Tasks by pattern."""
        yield Component(
            "pattern",
            "Splits declared behaviour by module, and prose by component into atomic tasks.",
            _pattern,
            default_rank=30,
        )


def _listed(options: Any, services: Services) -> Any:
    from .listed import ListedDecomposer

    return ListedDecomposer()


def _llm(options: Any, services: Services) -> Any:
    from agent_dispatcher.models import TASK_TYPES

    from .llm.decomposer import LlmDecomposer

    return LlmDecomposer(options, tuple(dict.fromkeys((*TASK_TYPES, *services.config.task_types))))


def _pattern(options: Any, services: Services) -> Any:
    from .pattern import PatternDecomposer

    return PatternDecomposer()


listed = _Listed()
llm = _Llm()
pattern = _Pattern()
