"""Hooks change only on purpose, and plugins written for an older signature still load."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent_dispatcher.config import load_config
from agent_dispatcher.extension import Component, DispatcherSpecs, Fail, components, hookimpl
from agent_dispatcher.extension.hookspecs import OFFERS
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.models import Task

GOLDEN = Path(__file__).with_name("golden") / "contracts.txt"


def contracts() -> str:
    """Every hook, and every method of every protocol, with its full signature."""
    lines = []
    for name, function in vars(DispatcherSpecs).items():
        if name.startswith("dispatcher_"):
            kind = OFFERS.get(name, "-")
            first = "firstresult" if getattr(function, "agent_dispatcher_spec", {}).get("firstresult") else "all"
            lines.append(f"hook {name}{inspect.signature(function)} [{kind}, {first}]")
    for name in components.__all__:
        item = getattr(components, name)
        if getattr(item, "_is_protocol", False):
            for method, function in vars(item).items():
                if inspect.isfunction(function) and not method.startswith("_"):
                    mark = "async " if inspect.iscoroutinefunction(function) else ""
                    lines.append(f"{mark}{name}.{method}{inspect.signature(function)}")
    return "\n".join(lines) + "\n"


def test_contracts_are_the_recorded_ones() -> None:
    """A changed hook or protocol shows as a change of the golden file, which a reviewer sees.

    If the change is meant, write the new text: ``python -c "..."`` is not needed, the assertion's left side is the file's new content.
    """
    assert contracts() == GOLDEN.read_text(encoding="utf-8")


class Old:
    """A plugin from a time when hooks had fewer arguments."""

    @hookimpl
    def dispatcher_on_task_error(self, task: Any) -> Fail:
        return Fail()

    @hookimpl
    def dispatcher_route_task(self, candidates: Any) -> str:
        return str(candidates[-1])

    @hookimpl
    def dispatcher_decomposers(self) -> Iterator[Component]:
        yield Component("old", "From long ago.", lambda options, services: None)


def test_a_plugin_with_an_older_signature_still_loads() -> None:
    """An implementation that takes fewer arguments than the hook has is called with those it takes."""
    registry = Registry(load_config(use_files=False), plugins=[("old", Old())], discover=False)
    assert [plugin.status for plugin in registry.plugins()] == ["loaded"]
    assert registry.on_task_error(Task(id="t", title="T"), 1, "no") == Fail()
    assert registry.route_task(Task(id="t", title="T"), ("a", "b")) == "b"
    assert registry.names("decomposer", ["old"]) == ["old"]
