"""What this folder offers: the builtin dependency rules."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

__all__ = ["artifacts", "data", "declared", "llm", "logical", "phases", "references", "resources", "suggested"]


class _Declared:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What the source declares."""
        yield Component("declared", "Reports the order that the source declares.", _declared, default_rank=10)


class _Artifacts:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What tasks make and need."""
        yield Component(
            "artifacts",
            "Puts who makes something before who needs it.",
            _artifacts,
            default_rank=20,
        )


class _References:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What tasks say about each other."""
        yield Component(
            "references",
            "Puts a task before one whose description says that it depends on it.",
            _references,
            default_rank=22,
        )


class _Data:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What tasks speak of."""
        yield Component(
            "data",
            "Puts who brings something in before who goes on with it, by the words of tasks that nobody has ordered.",
            _data,
            default_rank=28,
        )


class _Logical:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What follows from the sort of work."""
        yield Component(
            "logical",
            "Puts set-up before what is built on it, and documentation and deployment behind.",
            _logical,
            default_rank=30,
        )


class _Phases:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """The phases of the source."""
        yield Component(
            "phases",
            "Keeps the phases in which a source arranges its tasks, and the freedom it leaves.",
            _phases,
            default_rank=15,
        )


class _Resources:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What cannot be shared."""
        yield Component(
            "resources",
            "Keeps tasks apart that write one file or need one thing that there is only once.",
            _resources,
            default_rank=25,
        )


class _Suggested:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What the decomposer saw."""
        yield Component(
            "suggested",
            "Passes on the orders that the decomposer suggests.",
            _suggested,
            default_rank=35,
        )


class _Llm:
    @hookimpl
    def dispatcher_dependency_rules(self) -> Iterable[Component]:
        """What a language model says."""
        from .llm.options import LlmRuleOptions

        yield Component(
            "llm",
            "Asks the configured language model which tasks need which; not deterministic, only by name.",
            _llm,
            options=LlmRuleOptions,
        )


def _declared(options: Any, services: Services) -> Any:
    from .declared import DeclaredRule

    return DeclaredRule()


def _artifacts(options: Any, services: Services) -> Any:
    from .artifacts import ArtifactsRule

    return ArtifactsRule()


def _references(options: Any, services: Services) -> Any:
    from .references import ReferencesRule

    return ReferencesRule()


def _data(options: Any, services: Services) -> Any:
    from .data import DataRule

    return DataRule()


def _logical(options: Any, services: Services) -> Any:
    from .logical import LogicalRule

    return LogicalRule()


def _phases(options: Any, services: Services) -> Any:
    from .phases import PhasesRule

    return PhasesRule()


def _resources(options: Any, services: Services) -> Any:
    from .resources import ResourcesRule

    return ResourcesRule()


def _suggested(options: Any, services: Services) -> Any:
    from .suggested import SuggestedRule

    return SuggestedRule()


def _llm(options: Any, services: Services) -> Any:
    from .llm.rule import LlmRule

    return LlmRule(options)


declared = _Declared()
artifacts = _Artifacts()
references = _References()
data = _Data()
logical = _Logical()
phases = _Phases()
resources = _Resources()
suggested = _Suggested()
llm = _Llm()
