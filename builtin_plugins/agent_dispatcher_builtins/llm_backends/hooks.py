"""What this folder offers: backends of language models. None has a rank: a model is asked only by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent_dispatcher.extension import Component, Services, hookimpl

from .options import AnthropicOptions, LocalOptions, OpenAIOptions, RecordedOptions, ScriptedOptions

__all__ = ["anthropic", "local", "openai", "recorded", "scripted"]


def _make_scripted(options: ScriptedOptions, services: Services) -> Any:
    from .scripted import ScriptedFile

    return ScriptedFile(options.file)


def _make_recorded(options: RecordedOptions, services: Services) -> Any:
    from .recorded.backend import RecordedBackend

    return RecordedBackend.open(options, services)


def _make_anthropic(options: AnthropicOptions, services: Services) -> Any:
    from .anthropic.backend import AnthropicBackend

    return AnthropicBackend.open(options, services)


def _make_openai(options: OpenAIOptions, services: Services) -> Any:
    from .openai.backend import OpenAIBackend

    return OpenAIBackend.open(options, services)


def _make_local(options: LocalOptions, services: Services) -> Any:
    from .local.backend import LocalBackend

    return LocalBackend.open(options, services)


class _Scripted:
    @hookimpl
    def dispatcher_llm_backends(self) -> Iterable[Component]:
        """Offer ``scripted``."""
        yield Component(
            "scripted", "Says what a file says: for tests and demonstrations.", _make_scripted, ScriptedOptions
        )


class _Recorded:
    @hookimpl
    def dispatcher_llm_backends(self) -> Iterable[Component]:
        """Offer ``recorded``."""
        yield Component(
            "recorded",
            "Records what another backend answers, and plays it back without key or network.",
            _make_recorded,
            RecordedOptions,
        )


class _Anthropic:
    @hookimpl
    def dispatcher_llm_backends(self) -> Iterable[Component]:
        """Offer ``anthropic``."""
        yield Component(
            "anthropic",
            "Any server that speaks Anthropic's messages (extra anthropic).",
            _make_anthropic,
            AnthropicOptions,
        )


class _OpenAI:
    @hookimpl
    def dispatcher_llm_backends(self) -> Iterable[Component]:
        """Offer ``openai``."""
        yield Component(
            "openai", "Any server that speaks OpenAI's chat completions (extra openai).", _make_openai, OpenAIOptions
        )


class _Local:
    @hookimpl
    def dispatcher_llm_backends(self) -> Iterable[Component]:
        """Offer ``local``."""
        yield Component("local", "A model file, computed on this machine (extra local).", _make_local, LocalOptions)


anthropic = _Anthropic()
local = _Local()
openai = _OpenAI()
recorded = _Recorded()
scripted = _Scripted()
