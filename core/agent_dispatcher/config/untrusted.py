"""What a project file that nobody vouched for may do.

It may lower limits, add checks, approvals, task types and what follows what, and set options that a component marks as the project's own.
Everything else in it is left out and named. In particular it can neither choose which plugins are imported, nor which components
run, nor spend more, nor loosen anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from ..models import TASK_TYPES
from .values import Config

__all__ = ["Restricted", "restrict"]

#: Numbers that may be made smaller: section (``""`` for the top) -> keys.
_LIMITS: dict[str, tuple[str, ...]] = {
    "": ("max_parallel_agents", "max_execution_time"),
    "coordinator": ("max_workers", "max_concurrent_tasks", "agent_timeout", "max_attempts"),
    "agent_factory": ("default_pool_size", "max_total_agents"),
    "budget": (
        "max_cost_usd",
        "max_tokens",
        "max_cost_usd_per_task",
        "max_tokens_per_task",
        "max_cost_usd_per_agent",
        "max_tokens_per_agent",
    ),
}
#: Permissions that may be taken back.
_PERMISSIONS: dict[str, tuple[str, ...]] = {
    "": ("enable_parallel_execution",),
    "budget": ("allow_unmetered", "allow_unpriced"),
}


@frozen(kw_only=True)
class Restricted:
    """What is left of an untrusted file.

    Attributes:
        data: what counts, in the form of a configuration.
        options: tables for components; only the keys they mark as the project's own count.
        ignored: paths of the keys that do not count -> why, in order.
    """

    data: Mapping[str, Any]
    options: Mapping[str, Mapping[str, Any]]
    ignored: Mapping[str, str]


def restrict(data: Mapping[str, Any], base: Config) -> Restricted:
    """Sort out what an untrusted file may say.

    Args:
        data: the file's tables.
        base: the configuration without it: defaults and the user's own file.
    """
    allowed: dict[str, Any] = {}
    ignored: dict[str, str] = {}
    options: dict[str, Mapping[str, Any]] = {}
    for key, value in data.items():
        if key == "options" and isinstance(value, dict):
            options = {name: table for name, table in value.items() if isinstance(table, dict)}
            ignored.update({f"options.{name}": "" for name, table in value.items() if not isinstance(table, dict)})
        elif key == "task_types" and isinstance(value, dict):
            tables = {name: table for name, table in value.items() if isinstance(table, dict)}
            ignored.update({f"task_types.{name}": "" for name in value if name not in tables})
            allowed[key] = {name: dict(_task_type(name, table, base, ignored)) for name, table in tables.items()}
        elif key == "workflow" and isinstance(value, dict):
            allowed[key] = _workflow(value, base, ignored)
        elif key == "use" and isinstance(value, dict):
            allowed[key] = dict(_use(value, base, ignored))
        elif isinstance(value, dict):
            allowed[key] = dict(_limits(key, value, getattr(base, key, None), ignored))
        else:
            allowed.update(_limits("", {key: value}, base, ignored))
    return Restricted(
        data={key: value for key, value in allowed.items() if value != {}}, options=options, ignored=ignored
    )


def _limits(section: str, table: Mapping[str, Any], base: Any, ignored: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        path = f"{section}.{key}" if section else key
        if key in _LIMITS.get(section, ()):
            if _lowers(value, getattr(base, key)):
                yield key, value
            else:
                ignored[path] = "it may only be lowered"
        elif key in _PERMISSIONS.get(section, ()) and value is False:
            yield key, value
        else:
            ignored[path] = ""


def _lowers(value: object, limit: float | None) -> bool:
    """Also true for what is no number at all: that is reported as the mistake it is."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return limit is None or value <= limit


def _use(table: Mapping[str, Any], base: Config, ignored: dict[str, str]) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if key == "checks" and isinstance(value, list):
            active = list(base.use.checks) if base.use.checks is not None else ["..."]
            yield key, [*active, *(each for each in value if each not in active and each != "...")]
        else:
            ignored[f"use.{key}"] = ""


def _task_type(name: str, table: Mapping[str, Any], base: Config, ignored: dict[str, str]) -> Iterator[tuple[str, Any]]:
    known = base.task_types.get(name)
    timeout_s = known.timeout_s if known and known.timeout_s is not None else base.coordinator.agent_timeout
    retries = known.retries if known and known.retries is not None else base.coordinator.max_attempts - 1
    for key, value in table.items():
        path = f"task_types.{name}.{key}"
        if key == "checks" and isinstance(value, list):
            yield key, [*(known.checks if known else ()), *value]
        elif key == "approval" or (key == "agent_type" and known is None and name not in TASK_TYPES):
            yield key, value
        elif key in ("timeout_s", "retries"):
            if _lowers(value, timeout_s if key == "timeout_s" else retries):
                yield key, value
            else:
                ignored[path] = "it may only be lowered"
        else:
            ignored[path] = ""


def _workflow(table: Mapping[str, Any], base: Config, ignored: dict[str, str]) -> dict[str, Any]:
    strict = {"approve_plan": True} if table.get("approve_plan") is True else {}
    ignored.update({f"workflow.{key}": "" for key in table if key != "after" and key not in strict})
    after = table.get("after", {})
    if not isinstance(after, dict):
        return {"after": after, **strict}
    added = {
        name: [
            *base.workflow.after.get(name, ()),
            *(each for each in value if each not in base.workflow.after.get(name, ())),
        ]
        if isinstance(value, list)
        else value
        for name, value in after.items()
    }
    return {"after": added, **strict} if added else strict
