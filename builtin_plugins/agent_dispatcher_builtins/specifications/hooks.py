"""Offers the builtin specification formats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent_dispatcher.extension import Component, hookimpl

__all__ = ["native"]


class _Native:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        yield Component(
            "native", "Requirements with behaviour as data, in YAML, JSON or Markdown.", _native, default_rank=10
        )


def _native(options: None, services: Any) -> Any:
    from .native import NativeFormat

    return NativeFormat()


native = _Native()
