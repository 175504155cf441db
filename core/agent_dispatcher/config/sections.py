"""The tables of the configuration, each a frozen value with what holds when nobody says otherwise. Field names are the keys of the configuration file."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, deep_mapping, ge, gt, in_, le, matches_re, min_len, optional

__all__ = [
    "USE_KEYS",
    "AgentFactorySettings",
    "BudgetSettings",
    "CoordinatorSettings",
    "PlanningSettings",
    "PluginSettings",
    "PriceSettings",
    "ProvenanceSettings",
    "StateManagerSettings",
    "TaskTypeSettings",
    "ThrottleSettings",
    "UseSettings",
    "WorkflowSettings",
    "positive",
]

#: Kind of component -> the key of ``[use]`` that chooses it.
USE_KEYS: dict[str, str] = {
    "specification_format": "specification_formats",
    "decomposer": "decomposers",
    "dependency_rule": "dependency_rules",
    "agent_type": "agent_types",
    "check": "checks",
    "validator": "validators",
    "reporter": "reporters",
    "language": "languages",
    "store": "store",
    "executor": "executor",
    "workspace": "workspace",
    "sandbox": "sandbox",
    "llm": "llm",
    "message_bus": "message_bus",
}


def _finite(instance: object, attribute: Any, value: float) -> None:
    if not isfinite(value):
        raise ValueError(f"'{attribute.name}' must be a finite number: {value}")


#: Validates seconds, rates and the like.
positive: Any = and_(_finite, gt(0))
_not_negative: Any = and_(_finite, ge(0))
_amounts: Any = deep_mapping(min_len(1), ge(1))
_names: Any = deep_iterable(and_(min_len(1), matches_re(r"[^\s]+")))


@frozen(kw_only=True)
class PluginSettings:
    """``[plugins]``: which plugins may be loaded. Names are those of entry points or of distributions.

    Attributes:
        disable: never imported.
        only: when given, nothing else is imported.
        third_party: ``false`` leaves only what the dispatcher's own distribution brings.
        strict: a plugin that fails is an error, not a warning; without a value: only when plugins are not discovered.
    """

    disable: tuple[str, ...] = field(default=(), validator=_names)
    only: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    third_party: bool = True
    strict: bool | None = None


@frozen(kw_only=True)
class UseSettings:
    """``[use]``: the active components of each kind, by name.

    In a list ``"..."`` stands for those that are active when nothing is configured: ``["...", "bandit"]`` adds one. Without a value, and with ``auto``
    where one is wanted, the components' own ranks decide.

    Attributes:
        language: the language to build in when the specification names none.
        languages: the languages that may be used at all.
    """

    decomposers: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    dependency_rules: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    checks: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    validators: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    reporters: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    agent_types: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    specification_formats: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    languages: tuple[str, ...] | None = field(default=None, validator=optional(_names))
    store: str | None = None
    executor: str | None = None
    workspace: str | None = None
    sandbox: str | None = None
    llm: str | None = None
    message_bus: str | None = None
    language: str | None = None

    def of(self, kind: str) -> tuple[str, ...] | str | None:
        """What is configured for a kind of component (``decomposer``, ``store``, ...)."""
        value: tuple[str, ...] | str | None = getattr(self, USE_KEYS[kind])
        return value


@frozen(kw_only=True)
class CoordinatorSettings:
    """``[coordinator]``: how much at a time, how long, how often.

    Attributes:
        max_workers: threads and processes the executor may use.
        max_concurrent_tasks: attempts in progress at one time.
        agent_timeout: seconds one attempt may take.
        max_attempts: attempts of a task before it has failed for good.
        backoff_base_s: upper bound of the wait before the second attempt, in seconds; it doubles with each further one.
        backoff_max_s: the longest wait, in seconds.
        max_patches: how often agents may change the plan of one run.
        max_patched_tasks: how many tasks they may add to it.
        max_batch: how many finished attempts may land together, where the workspace can do that; ``None``: as many as suit it.
    """

    max_workers: int = field(default=4, validator=ge(1))
    max_concurrent_tasks: int = field(default=10, validator=ge(1))
    agent_timeout: float = field(default=300.0, validator=positive)
    max_attempts: int = field(default=3, validator=ge(1))
    backoff_base_s: float = field(default=1.0, validator=_not_negative)
    backoff_max_s: float = field(default=60.0, validator=_not_negative)
    max_patches: int = field(default=20, validator=ge(0))
    max_patched_tasks: int = field(default=100, validator=ge(0))
    max_batch: int | None = field(default=None, validator=optional(ge(1)))


@frozen(kw_only=True)
class AgentFactorySettings:
    """``[agent_factory]``: pools of agents. ``<name>_config`` beside these keys means ``[options."agent_type:<name>"]``.

    Attributes:
        default_pool_size: instances to keep of an agent type that does not say.
        max_total_agents: instances alive at one time.
        enable_pooling: instances are used again; otherwise each attempt gets a new one.
    """

    default_pool_size: int = field(default=2, validator=ge(0))
    max_total_agents: int = field(default=20, validator=ge(1))
    enable_pooling: bool = True


@frozen(kw_only=True)
class StateManagerSettings:
    """``[state_manager]``: what is kept of a run.

    Attributes:
        enable_persistence: events go to the store; otherwise the run lives in memory and cannot be resumed.
        checkpoint_dir: relative to ``<output>/.dispatcher/``.
        auto_checkpoint_interval: seconds between checkpoint files; 0 for none.
    """

    enable_persistence: bool = True
    checkpoint_dir: str = field(default="./checkpoints", validator=min_len(1))
    auto_checkpoint_interval: float = field(default=300.0, validator=_not_negative)


@frozen(kw_only=True)
class BudgetSettings:
    """``[budget]``: what may be spent on models.

    Attributes:
        max_cost_usd: of a run with its planning, ``None`` for no limit.
        max_tokens: the same in tokens.
        max_cost_usd_per_task, max_tokens_per_task: of all attempts at one task.
        max_cost_usd_per_agent, max_tokens_per_agent: of everything that agents of one type do in a run.
        allow_unmetered: a model that does not report its usage may be called.
        allow_unpriced: where a cost is limited, a model of unknown price may be called all the same; its calls do not count in dollars.
    """

    max_cost_usd: float | None = field(default=None, validator=optional(_not_negative))
    max_tokens: int | None = field(default=None, validator=optional(ge(0)))
    max_cost_usd_per_task: float | None = field(default=None, validator=optional(_not_negative))
    max_tokens_per_task: int | None = field(default=None, validator=optional(ge(0)))
    max_cost_usd_per_agent: float | None = field(default=None, validator=optional(_not_negative))
    max_tokens_per_agent: int | None = field(default=None, validator=optional(ge(0)))
    allow_unmetered: bool = False
    allow_unpriced: bool = False


@frozen(kw_only=True)
class PriceSettings:
    """``[prices."<model>"]``: what a model costs, in US dollars for a million tokens.

    Attributes:
        input: tokens it reads.
        output: tokens it writes.
        cached_input: tokens it reads again, where they cost something else; ``None``: they cost as much as ``input``.
        cache_write: tokens that the server keeps to read them again, where they cost something else; ``None``: as much as ``input``.
    """

    input: float = field(validator=_not_negative)
    output: float = field(validator=_not_negative)
    cached_input: float | None = field(default=None, validator=optional(_not_negative))
    cache_write: float | None = field(default=None, validator=optional(_not_negative))


@frozen(kw_only=True)
class ProvenanceSettings:
    """``[provenance]``: what is kept of what agents asked, were answered, and ran. Keys are taken out of it in any case.

    Attributes:
        keep: prompts, replies and commands are kept; otherwise only that a model was asked, and what it cost.
        max_bytes: of all texts of one run; what does not fit is left out, and a warning says so.
        secrets: variables of the environment whose values are keys, beside those that are named like one; also where the value is a word.
        not_secrets: variables that are named like a key and hold none: their values are not taken out.
    """

    keep: bool = True
    max_bytes: int = field(default=256 * 1024**2, validator=ge(0))
    secrets: tuple[str, ...] = field(default=(), validator=_names)
    not_secrets: tuple[str, ...] = field(default=(), validator=_names)


@frozen(kw_only=True)
class TaskTypeSettings:
    """``[task_types.<name>]``: a task type of one's own, or more about a known one.

    Attributes:
        agent_type: who does it; ``None`` leaves it to the agent types' own ranks.
        checks: checks that must pass beside those that are active anyway.
        approval: ``land``: a person must approve before the work lands.
        timeout_s: seconds one attempt may take, instead of ``agent_timeout``.
        retries: attempts after the first, instead of ``max_attempts - 1``.
        needs: named resources that its tasks take while an agent is at work on them, with the amount; see ``[resources]``.
        fallback: agent types that take over, in this order, when the one before has used up its attempts or cannot do the task for good.
    """

    agent_type: str | None = None
    checks: tuple[str, ...] = field(default=(), validator=_names)
    approval: str | None = field(default=None, validator=optional(in_(("land",))))
    timeout_s: float | None = field(default=None, validator=optional(positive))
    retries: int | None = field(default=None, validator=optional(ge(0)))
    needs: Mapping[str, int] = field(factory=dict, validator=_amounts)
    fallback: tuple[str, ...] = field(default=(), validator=_names)


@frozen(kw_only=True)
class ThrottleSettings:
    """``[throttle.<backend>]``: how fast a language-model backend is asked, and when it is left alone.

    Attributes:
        requests_per_minute: ``None``: as many as the server takes; it is asked less often as soon as it says that this is too fast.
        tokens_per_minute: the same for tokens, counted by the worst case of each call until its answer is there.
        patience_s: a call that would have to wait longer for its turn fails at no cost to its task, whose agent is free for others.
        outages: so many in a row, and no task that needs the backend is begun for a while.
        longest_wait_s: between two tries of a backend that does not answer.
        unreached_s: a run pauses that could not reach the backend even once for so long: no connection, an unknown name, a certificate nobody vouches for.
    """

    requests_per_minute: float | None = field(default=None, validator=optional(positive))
    tokens_per_minute: float | None = field(default=None, validator=optional(positive))
    patience_s: float = field(default=60.0, validator=_not_negative)
    outages: int = field(default=3, validator=ge(1))
    longest_wait_s: float = field(default=300.0, validator=positive)
    unreached_s: float = field(default=60.0, validator=_not_negative)


_probability: Any = and_(ge(0.0), le(1.0))


@frozen(kw_only=True)
class PlanningSettings:
    """``[planning]``: when an order that rules infer counts, and what estimates are learned from.

    Attributes:
        binding_threshold: from this confidence on a dependency holds its task; below, it only orders the tasks that are ready.
        advisory_threshold: below this confidence a dependency is dropped.
        learn_from_runs: estimates come from so many of the newest finished runs of this user; 0 for none.
        reuse_replies: what a model answered to the very same question while a plan was made is used again, for 30 days.
    """

    binding_threshold: float = field(default=0.5, validator=_probability)
    advisory_threshold: float = field(default=0.1, validator=_probability)
    learn_from_runs: int = field(default=20, validator=ge(0))
    reuse_replies: bool = True


@frozen(kw_only=True)
class WorkflowSettings:
    """``[workflow]``: which tasks follow which.

    Attributes:
        after: task type -> task types that follow the tasks of that type, for each requirement; never in a circle.
        approve_plan: a person must approve the plan before its first task begins.
    """

    after: Mapping[str, tuple[str, ...]] = field(factory=dict)
    approve_plan: bool = False
