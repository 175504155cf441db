"""What is offered, what is active, and how it is created."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from attrs import field, frozen
from attrs.validators import ge

from agent_dispatcher.config import AgentFactorySettings, Config, PluginSettings, UseSettings, load_config
from agent_dispatcher.errors import (
    ComponentConflictError,
    ConfigError,
    PluginError,
    PluginLoadError,
    StoreError,
    Unavailable,
    UnknownComponentError,
)
from agent_dispatcher.extension import AgentType, Component, Fail, Reroute, Retry, Services, hookimpl
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.models import Event, Task


@frozen(kw_only=True)
class Options:
    """Options of the fixture's components."""

    level: int = field(default=1, validator=ge(0))
    style: str = field(default="plain", metadata={"project": True})


def make(options: Any, services: Services) -> Any:
    """A component that remembers what it was made of."""
    return (options, services)


class Offering:
    """A plugin that offers the given components."""

    def __init__(self, **components: Any) -> None:
        self.components = components

    @hookimpl
    def dispatcher_decomposers(self) -> Iterable[Any]:
        return self.components.get("decomposers", ())

    @hookimpl
    def dispatcher_stores(self) -> Iterable[Any]:
        return self.components.get("stores", ())

    @hookimpl
    def dispatcher_agent_types(self) -> Iterable[Any]:
        return self.components.get("agent_types", ())


def component(name: str, rank: int | None = None, **more: Any) -> Component:
    """A component that does nothing."""
    return Component(name, name, more.pop("factory", make), default_rank=rank, **more)


def curated(config: Config | None = None, **plugins: object) -> Registry:
    """A registry of exactly those plugins that keeps going when one fails."""
    config = config or Config(plugins=PluginSettings(strict=False))
    return Registry(config, list(plugins.items()), discover=False)


def given(**data: Any) -> Config:
    """A configuration of only that."""
    return load_config(overrides={"plugins": {"strict": False}, **data}, env={}, use_files=False)


def test_rank_orders_offers_and_default_names() -> None:
    """Offers are sorted by rank and name, those without a rank come last and are active only by name."""
    plugin = Offering(decomposers=[component("z", 1), component("b", 2), component("a", 2), component("hidden")])
    registry = curated(mine=plugin)
    assert [each.name for each in registry.offers("decomposer")] == ["z", "a", "b", "hidden"]
    assert registry.names("decomposer", None) == ["z", "a", "b"]
    assert registry.names("decomposer", ["hidden", "b", "hidden"]) == ["hidden", "b"]
    assert registry.names("decomposer", ("b", "...", "hidden")) == ["b", "z", "a", "hidden"]
    assert registry.names("decomposer", "hidden") == ["hidden"]
    assert registry.names("decomposer", ()) == []


def test_configuration_chooses() -> None:
    """``active`` and ``one`` follow ``[use]``; ``auto`` leaves it to rank."""
    plugin = Offering(stores=[component("first", 1), component("second", 2)])
    assert curated(given(use={"store": "second"}), mine=plugin).one("store") == "second"
    assert curated(given(use={"store": "auto"}), mine=plugin).one("store") == "first"
    assert curated(mine=plugin).one("store") == "first"
    assert curated(mine=plugin).one("executor") is None


def test_unknown_name_says_where_and_what_is_close(tmp_path: Path) -> None:
    """A name nobody offers is an error with its place, close matches and the plugins that are out of action."""
    (tmp_path / "agent-dispatcher").mkdir()
    (tmp_path / "agent-dispatcher" / "config.toml").write_text(
        '[plugins]\nstrict = false\n[use]\ndecomposers = ["patern"]\n'
    )
    config = load_config(tmp_path, env={"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path)})
    registry = curated(config, mine=Offering(decomposers=[component("pattern", 1)]), broken=object())
    with pytest.raises(UnknownComponentError) as caught:
        registry.active("decomposer")
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path}/agent-dispatcher/config.toml:4: use.decomposers: no decomposer is called 'patern'"
    )
    assert "did you mean 'pattern'?" in message
    assert "broken" not in message
    assert caught.value.matches == ("pattern",)
    with pytest.raises(UnknownComponentError, match="plugin 'broken' failed: it implements no hook"):
        registry.offered("decomposer", "zzz")
    near = curated(mine=Offering(decomposers=[component("patterns", 1)]), pattern=object())
    with pytest.raises(UnknownComponentError, match=r"did you mean 'patterns'\?\n  plugin 'pattern' failed"):
        near.offered("decomposer", "pattern")


def test_conflict_names_both_and_preference_decides() -> None:
    """Two plugins with one active name are an error naming both; ``[prefer]`` decides, also about the rank."""
    plugins = {
        "one": Offering(decomposers=[component("same", 1)]),
        "two": Offering(decomposers=[component("same", 9), component("other", 5)]),
    }
    registry = curated(**plugins)
    with pytest.raises(ComponentConflictError, match="decomposer 'same' is offered by one and by two") as caught:
        registry.names("decomposer", None)
    assert caught.value.providers == ("one", "two")
    assert registry.names("decomposer", ["other"]) == ["other"]
    preferring = curated(given(prefer={"decomposer:same": "two"}), **plugins)
    assert preferring.names("decomposer", None) == ["other", "same"]
    assert preferring.offered("decomposer", "same").plugin.name == "two"
    with pytest.raises(ComponentConflictError, match="prefers 'three', which is neither"):
        curated(given(prefer={"decomposer:same": "three"}), **plugins).offered("decomposer", "same")


def test_inactive_conflict_is_none() -> None:
    """Of a kind with one active component only that one's name matters."""
    registry = curated(
        one=Offering(stores=[component("best", 1), component("same", 2)]), two=Offering(stores=[component("same", 3)])
    )
    assert registry.one("store") == "best"


@pytest.mark.usefixtures("installed")
def test_conflict_of_installed_plugins_names_distributions() -> None:
    """A taken name is reported with both distributions, and the distribution's name decides."""
    plugins = {"only": ["good"]}
    with pytest.raises(ComponentConflictError, match="offered by acme-agents and by bolt-agents"):
        Registry(load_config(overrides={"plugins": plugins}, use_files=False)).active("agent_type")
    preferring = load_config(
        overrides={"plugins": plugins, "prefer": {"agent_type:reviewer": "bolt_agents"}}, use_files=False
    )
    assert Registry(preferring).offered("agent_type", "reviewer").plugin.distribution == "bolt-agents"


@pytest.mark.parametrize(
    ("kind", "offered", "reason"),
    [
        ("decomposers", "text", "it offered str 'text' as decomposer, expected Component(...)"),
        ("decomposers", AgentType(name="a", summary="", factory=make, task_types={"x"}), "expected Component(...)"),
        ("agent_types", component("a"), "expected AgentType(...)"),
        ("decomposers", component("Not_Kebab"), "not in kebab case"),
        ("decomposers", component("auto"), "the name is reserved"),
        ("decomposers", component("future", api=2), "version 2 of the plugin API, this dispatcher has version 1"),
        ("decomposers", component("a", factory=None), "the factory cannot be called"),
        ("decomposers", component("a", options=dict), "options is not an attrs class"),
        ("decomposers", component("a", rank="first"), "default_rank is not an integer"),
        ("agent_types", AgentType(name="a", summary="", factory=make, task_types=()), "task_types is empty"),
        ("agent_types", AgentType(name="a", summary="", factory=make, task_types="review"), "single letters"),  # type: ignore[arg-type]
        ("agent_types", AgentType(name="a", summary="", factory=make, task_types={"x"}, pool=-1), "pool is not"),
        (
            "agent_types",
            AgentType(name="a", summary="", factory=make, task_types={"x"}, wishes=None),
            "wishes cannot be called",
        ),  # type: ignore[arg-type]
        (
            "agent_types",
            AgentType(name="a", summary="", factory=make, task_types={"x"}, accepts=None),
            "accepts cannot be called",
        ),  # type: ignore[arg-type]
    ],
)
def test_refused_offer(kind: str, offered: object, reason: str) -> None:
    """An offer nobody could rely on is refused with the reason; the others of the same plugin stand."""
    good = (
        component("good", 1)
        if kind == "decomposers"
        else AgentType(name="good", summary="", factory=make, task_types={"x"})
    )
    plugin = Offering(**{kind: [offered, good]})
    registry = curated(mine=plugin)
    assert [each.name for each in registry.offers(kind.removesuffix("s"))] == ["good"]
    (record,) = registry.plugins()
    assert record.status == "failed"
    assert reason in record.reason
    with pytest.raises(PluginLoadError, match="plugin 'mine'"):
        curated(Config(), mine=plugin).offers(kind.removesuffix("s"))


def test_offering_twice_or_no_iterable_is_refused() -> None:
    """One name twice keeps the first; something that cannot be iterated over is refused."""
    registry = curated(
        twice=Offering(decomposers=[component("a", 1), component("a", 2)]), single=Offering(decomposers=component("b"))
    )
    assert [(each.name, each.component.default_rank) for each in registry.offers("decomposer")] == [("a", 1)]
    assert {each.name: each.reason for each in registry.plugins()} == {
        "twice": "it offers decomposer 'a' twice",
        "single": "dispatcher_decomposers returned Component, expected components to iterate over",
    }


def test_first_reason_stays() -> None:
    """A plugin that fails twice keeps the first reason in its record; both are warnings."""
    registry = curated(mine=Offering(decomposers=[3], stores=["x"]))
    registry.offers("decomposer")
    registry.offers("store")
    (record,) = registry.plugins()
    assert record.reason.startswith("it offered int 3 as decomposer")
    assert len(registry.warnings) == 2


def test_offers_are_asked_for_lazily_and_once() -> None:
    """A plugin's offers of a kind are asked for when that kind is first needed, and only once."""
    asked = []

    class Counting:
        @hookimpl
        def dispatcher_decomposers(self) -> Iterable[Component]:
            asked.append(1)
            yield component("a", 1)

    registry = curated(mine=Counting())
    registry.offers("store")
    assert asked == []
    registry.offers("decomposer")
    registry.active("decomposer")
    assert asked == [1]


def test_create_gives_options_and_services(tmp_path: Path) -> None:
    """A factory gets its options structured and the services of the caller."""
    config = given(options={"decomposer:a": {"level": 3}})
    registry = curated(config, mine=Offering(decomposers=[component("a", options=Options), component("plain")]))
    services = registry.services("decomposer", "a", tmp_path)
    assert registry.create("decomposer", "a", services) == (Options(level=3), services)
    assert (services.log.name, services.data_dir, services.config) == (
        "agent_dispatcher.decomposer.a",
        tmp_path,
        config,
    )
    assert registry.create("decomposer", "plain", services) == (None, services)


def test_refused_options_say_where() -> None:
    """Unknown and ill-typed options are one error with every fault; a table for a component without options is refused."""
    config = load_config(
        overrides={"options": {"decomposer:a": {"levle": 1, "style": 3}, "decomposer:plain": {"x": 1}}},
        env={},
        use_files=False,
    )
    registry = curated(config, mine=Offering(decomposers=[component("a", options=Options), component("plain")]))
    with pytest.raises(ConfigError) as caught:
        registry.options("decomposer", "a")
    assert [str(problem) for problem in caught.value.problems] == [
        'the configuration given from Python: [options."decomposer:a"] style: expected text, found the integer 3',
        "the configuration given from Python: [options.\"decomposer:a\"] levle: unknown key 'levle' (did you mean 'level'?)",
    ]
    with pytest.raises(ConfigError, match="decomposer 'plain' takes no options"):
        registry.options("decomposer", "plain")
    assert len(registry.problems()) == 3


@frozen
class Needing:
    """Options that say what is missing, or fail to."""

    missing: str = ""

    def lacks(self, *, with_model: bool) -> str:
        """What ``missing`` names, where there is a model."""
        if self.missing == "bug":
            raise LookupError("oh")
        return self.missing if with_model else ""


def test_what_is_missing_here_is_a_warning_and_no_error() -> None:
    """The options are right, and everything else works; so it is when asking fails."""
    for missing, told in (("no saw", "no saw"), ("bug", "failed when asked what it lacks: LookupError: oh"), ("", "")):
        config = given(options={"decomposer:a": {"missing": missing}}, plugins=PluginSettings(strict=False))
        registry = curated(config, mine=Offering(decomposers=[component("a", options=Needing)]))
        assert registry.problems() == registry.problems() == ()
        assert [each.rpartition("is not whole: ")[2] for each in registry.warnings] == ([told] if told else [])


def test_untrusted_project_sets_only_what_is_marked(tmp_path: Path) -> None:
    """Of an untrusted project's options only those marked as the project's own count; the rest is named in one warning."""
    (tmp_path / "agent-dispatcher.toml").write_text('[options."decomposer:a"]\nlevel = 9\nstyle = "fancy"\nother = 1\n')
    environment = {"HOME": str(tmp_path)}
    config = load_config(tmp_path, {"plugins": {"strict": False}}, environment)
    registry = curated(config, mine=Offering(decomposers=[component("a", options=Options)]))
    assert registry.options("decomposer", "a") == Options(level=1, style="fancy")
    registry.options("decomposer", "a")
    (warning,) = registry.warnings
    assert warning.startswith(f"{tmp_path}/agent-dispatcher.toml:2: the project's file is not trusted")
    assert "'level', 'other'" in warning


def raising(error: Exception) -> Callable[[Any, Services], Any]:
    """A factory that raises."""

    def factory(options: Any, services: Services) -> Any:
        raise error

    return factory


def test_factory_errors_name_the_plugin(tmp_path: Path) -> None:
    """``Unavailable`` passes through with the plugin's name, the package's own errors as they are, all else as a plugin error."""
    plugin = Offering(
        stores=[
            component("missing", factory=raising(Unavailable("no libfoo", "install libfoo"))),
            component("store", factory=raising(StoreError("disk full"))),
            component("buggy", factory=raising(ZeroDivisionError("division by zero"))),
        ]
    )
    scope = curated(mine=plugin).scope(tmp_path)
    with pytest.raises(Unavailable, match=r"no libfoo \(install libfoo\)") as caught:
        scope.get("store", "missing")
    assert caught.value.plugin == "mine"
    with pytest.raises(StoreError, match="disk full"):
        scope.get("store", "store")
    with pytest.raises(PluginError, match="store 'buggy' of plugin 'mine' could not be created: ZeroDivisionError"):
        scope.get("store", "buggy")


def test_scope_creates_once_and_closes_in_reverse(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A scope makes each component once and closes all of them, latest first, whatever one of them does."""
    closed: list[str] = []

    class Holder:
        def __init__(self, name: str) -> None:
            self.name = name

    class Plain(Holder):
        def close(self) -> None:
            closed.append(self.name)

    class Awaiting(Holder):
        async def aclose(self) -> None:
            closed.append(self.name)
            if self.name == "b":
                raise OSError("busy")

    def factory(kind: type[Holder], name: str) -> Component:
        return component(name, factory=lambda options, services: kind(name))

    registry = curated(
        mine=Offering(
            decomposers=[factory(Plain, "a"), factory(Awaiting, "b"), factory(Awaiting, "c"), factory(Holder, "d")]
        )
    )
    other = registry.scope(tmp_path)

    async def use() -> None:
        async with registry.scope(tmp_path) as scope:
            made = [scope.get("decomposer", name) for name in "abcd"]
            assert made == [scope.get("decomposer", name) for name in "abcd"]
            assert other.get("decomposer", "a") is not made[0]
        with pytest.raises(RuntimeError, match="after its scope was closed"):
            scope.get("decomposer", "a")

    asyncio.run(use())
    assert closed == ["c", "b", "a"]
    assert "decomposer 'b' could not be closed" in caplog.text


class Opinion:
    """A plugin with opinions that are given."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.seen: list[Any] = []

    def answer(self, name: str, *seen: Any) -> Any:
        self.seen.append(seen)
        answer = self.answers.get(name)
        if isinstance(answer, Exception):
            raise answer
        return answer

    @hookimpl
    def dispatcher_route_task(self, task: Task, candidates: Any) -> Any:
        return self.answer("route", task, candidates)

    @hookimpl
    def dispatcher_on_task_error(self, task: Task, attempt: int, error: str) -> Any:
        return self.answer("error", task, attempt, error)

    @hookimpl
    def dispatcher_priority(self, task: Task) -> Any:
        return self.answer("priority", task)

    @hookimpl
    def dispatcher_events(self, events: Any) -> None:
        self.answer("events", events)


TASK = Task(id="t", title="T")


def test_first_opinion_wins() -> None:
    """The latest registered plugin is asked first; ``None`` passes the question on."""
    registry = curated(one=Opinion(priority=1, route="a"), two=Opinion(priority=2.5), three=Opinion())
    assert registry.priority(TASK) == 2.5
    assert registry.route_task(TASK, ["a", "b"]) == "a"
    assert registry.on_task_error(TASK, 1, "boom") is None
    assert curated().priority(TASK) is None


@pytest.mark.parametrize("decision", [Retry(2.0), Reroute("b"), Fail()])
def test_decisions_after_an_error(decision: object) -> None:
    """Each decision a plugin may take arrives as it was given."""
    assert curated(one=Opinion(error=decision)).on_task_error(TASK, 2, "boom") == decision


@pytest.mark.parametrize(
    ("hook", "answer", "reason"),
    [
        ("priority", RuntimeError("oops"), "dispatcher_priority raised RuntimeError: oops"),
        ("priority", "high", "dispatcher_priority answered 'high', expected a finite number or None"),
        ("priority", float("nan"), "dispatcher_priority answered nan"),
        ("priority", True, "dispatcher_priority answered True"),
        ("route", "stranger", "dispatcher_route_task answered 'stranger', expected one of a, b or None"),
        ("error", Retry(-1.0), "dispatcher_on_task_error answered Retry(delay_s=-1.0)"),
        ("error", "retry", "dispatcher_on_task_error answered 'retry'"),
    ],
)
def test_bad_opinion_counts_as_none(hook: str, answer: object, reason: str) -> None:
    """A plugin that raises or answers nonsense is named once, and the next one is asked."""
    good = Opinion(priority=7, route="b", error=Fail())
    registry = curated(good=good, bad=Opinion(**{hook: answer}))
    for _ in range(2):
        assert registry.priority(TASK) == 7
        assert registry.route_task(TASK, ["a", "b"]) == "b"
        assert registry.on_task_error(TASK, 1, "boom") == Fail()
    (warning,) = registry.warnings
    assert warning.startswith("plugin 'bad': ")
    assert reason in warning


def test_observers_are_isolated() -> None:
    """Every observer sees every batch, also when one of them raises."""
    first, last = Opinion(), Opinion()
    registry = curated(first=first, bad=Opinion(events=ValueError("no")), last=last)
    events = [Event(run="r", type="task.completed", at=1.0)]
    registry.tell_events(events)
    registry.tell_events([])
    assert first.seen == last.seen == [((events[0],),)]
    assert registry.warnings == ["plugin 'bad': dispatcher_events raised ValueError: no"]


def test_problems_are_found_at_once() -> None:
    """Every name in the configuration that fits nothing is reported in one go."""
    config = given(
        use={"decomposers": ["nope"], "store": "nada"},
        options={"decomposer:b": {}},
        prefer={"decomposer:a": "elsewhere"},
        task_types={"audit": {"agent_type": "auditor", "checks": ["bandit"]}},
        workflow={"after": {"code_writing": ["audit", "paint"]}},
    )
    registry = curated(config, mine=Offering(decomposers=[component("a", 1)]))
    text = "\n".join(str(problem) for problem in registry.problems())
    for part in (
        "no decomposer is called 'nope'",
        "no store is called 'nada'",
        "[options.\"decomposer:b\"]: no decomposer is called 'b'",
        "[prefer] \"decomposer:a\": 'elsewhere' offers no such component",
        "task_types.audit.agent_type: no agent type is called 'auditor'",
        "task_types.audit.checks: no check is called 'bandit'",
        "workflow.after.code_writing: no task type is called 'paint'",
    ):
        assert part in text
    assert len(registry.problems()) == 7
    assert curated(mine=Offering(decomposers=[component("a", 1)])).problems() == ()


def test_short_form_for_an_agent_that_is_not_there_is_a_warning() -> None:
    """``<name>_config`` of an agent type nobody offers has no effect and says so; it is no error."""
    registry = curated(given(agent_factory={"researcher_config": {"depth": 2}}), mine=Offering())
    assert registry.problems() == ()
    assert registry.problems() == ()
    (warning,) = registry.warnings
    assert warning == (
        "the configuration given from Python: agent_factory.researcher_config: "
        "options for agent type 'researcher' have no effect, nothing offers it"
    )


@pytest.mark.usefixtures("installed")
def test_commands_come_from_plugins() -> None:
    """Commands are offered like components."""
    registry = Registry(load_config(overrides={"plugins": {"only": ["good"]}}, use_files=False))
    assert [command.name for command in registry.commands()] == ["greet"]


def test_debugging_is_quiet_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """A healthy registry logs no warning."""
    with caplog.at_level(logging.WARNING):
        curated(Config(use=UseSettings(), agent_factory=AgentFactorySettings()), mine=Offering()).problems()
    assert caplog.records == []
