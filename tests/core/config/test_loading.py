"""Configuration from all sources, each key with its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from agent_dispatcher.config import Config, load_config
from agent_dispatcher.config.values import SECTIONS, USE_KEYS, UseSettings
from agent_dispatcher.errors import ConfigError
from agent_dispatcher.extension.hookspecs import OFFERS


class Places:
    """A user's folders and a project's, all empty."""

    def __init__(self, root: Path) -> None:
        self.project = root / "project"
        self.project.mkdir()
        self.user = root / "config" / "agent-dispatcher" / "config.toml"
        self.user.parent.mkdir(parents=True)
        self.env = {"XDG_CONFIG_HOME": str(root / "config"), "XDG_STATE_HOME": str(root / "state"), "HOME": str(root)}

    def load(self, overrides: dict[str, Any] | None = None, flags: dict[str, Any] | None = None, **env: str) -> Config:
        """The configuration with these overrides and variables."""
        return load_config(self.project, overrides, {**self.env, **env}, flags=flags)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """Folders of this test."""
    return Places(tmp_path)


def problems(caught: pytest.ExceptionInfo[ConfigError]) -> list[str]:
    """The problems of an error as texts."""
    return [str(problem) for problem in caught.value.problems]


def test_defaults(places: Places) -> None:
    """Without any source everything has its default."""
    config = places.load()
    assert config == Config()
    assert (
        config.coordinator.max_workers,
        config.coordinator.max_concurrent_tasks,
        config.coordinator.agent_timeout,
    ) == (4, 10, 300)
    assert (config.agent_factory.default_pool_size, config.agent_factory.max_total_agents) == (2, 20)
    assert config.state_manager.checkpoint_dir == "./checkpoints"
    assert config.budget.max_cost_usd is None
    assert config.where("coordinator.max_workers") == ""


def test_each_source_is_stronger_than_the_one_before(places: Places) -> None:
    """User's file, project's file, dict, environment, flags, in that order."""
    places.user.write_text(
        "[coordinator]\nmax_workers = 9\nmax_attempts = 9\nagent_timeout = 9\nbackoff_base_s = 9\nmax_concurrent_tasks = 9\n"
    )
    (places.project / "agent-dispatcher.toml").write_text(
        "[coordinator]\nmax_attempts = 8\nagent_timeout = 8\nmax_concurrent_tasks = 8\n"
    )
    config = places.load(
        {"coordinator": {"agent_timeout": 7, "backoff_base_s": 7, "max_concurrent_tasks": 7}},
        {"coordinator": {"max_concurrent_tasks": 5}},
        AGENT_DISPATCHER_COORDINATOR_BACKOFF_BASE_S="6",
        AGENT_DISPATCHER_COORDINATOR_MAX_CONCURRENT_TASKS="6",
    )
    settings = config.coordinator
    assert (settings.max_workers, settings.max_attempts, settings.agent_timeout) == (9, 8, 7)
    assert (settings.backoff_base_s, settings.max_concurrent_tasks) == (6, 5)
    assert config.where("coordinator.max_workers") == f"{places.user}:2"
    assert config.where("coordinator.max_attempts") == f"{places.project}/agent-dispatcher.toml:2"
    assert config.where("coordinator.agent_timeout") == "the configuration given from Python"
    assert (
        config.where("coordinator.backoff_base_s") == "environment variable AGENT_DISPATCHER_COORDINATOR_BACKOFF_BASE_S"
    )
    assert config.where("coordinator.max_concurrent_tasks") == "the command line"


def test_tables_are_merged_key_by_key(places: Places) -> None:
    """A later source replaces single keys of an option table, of preferences and task types, not the whole table."""
    places.user.write_text(
        '[options."llm:x"]\nmodel = "a"\nkeep = [1]\n[prefer]\n"check:a" = "p"\n[task_types.audit]\nretries = 1\nchecks = ["c"]\n'
        '[workflow]\nafter.code_writing = ["audit"]\n'
    )
    config = places.load(
        {
            "options": {"llm:x": {"model": "b"}},
            "prefer": {"check:b": "q"},
            "task_types": {"audit": {"retries": 0}},
            "workflow": {"after": {"testing": ("audit",)}},
        }
    )
    assert config.options == {"llm:x": {"model": "b", "keep": [1]}}
    assert config.prefer == {"check:a": "p", "check:b": "q"}
    assert (config.task_types["audit"].retries, config.task_types["audit"].checks) == (0, ("c",))
    assert config.workflow.after == {"code_writing": ("audit",), "testing": ("audit",)}
    assert config.where("options.llm:x.model") == "the configuration given from Python"
    assert config.where("options.llm:x.keep") == f"{places.user}:3"


def test_architecture_keys(places: Places) -> None:
    """The dict form takes the keys of the architecture as written."""

    class Backend:
        async def complete(self, request: object) -> None: ...

    backend = Backend()
    config = places.load(
        {
            "llm_client": backend,
            "max_parallel_agents": 3,
            "enable_parallel_execution": True,
            "max_execution_time": 3600,
            "agent_factory": {
                "default_pool_size": 1,
                "max_total_agents": 7,
                "enable_pooling": False,
                "code_writer_config": {"default_language": "python", "include_tests": True, "include_docs": False},
                "researcher_config": {"depth": 2},
            },
            "coordinator": {"max_workers": 5, "max_concurrent_tasks": 6, "agent_timeout": 60},
            "state_manager": {"enable_persistence": True, "checkpoint_dir": "./here", "auto_checkpoint_interval": 30},
        }
    )
    assert config.llm_client is backend
    assert config.metered_llm()
    assert config.max_execution_time == 3600
    assert config.agent_factory.enable_pooling is False
    assert config.options == {
        "agent_type:code-writer": {"default_language": "python", "include_tests": True, "include_docs": False},
        "agent_type:researcher": {"depth": 2},
    }
    assert config.optional_options == {"agent_type:code-writer", "agent_type:researcher"}
    assert config.where("options.agent_type:researcher.depth").endswith(": agent_factory.researcher_config")
    assert config.state_manager.auto_checkpoint_interval == 30


@pytest.mark.parametrize(
    ("smallest", "overrides"),
    [
        (4, {}),
        (2, {"coordinator": {"max_workers": 2}}),
        (3, {"coordinator": {"max_workers": 9, "max_concurrent_tasks": 3}}),
        (5, {"coordinator": {"max_workers": 9}, "agent_factory": {"max_total_agents": 5}}),
        (1, {"max_parallel_agents": 1}),
        (4, {"max_parallel_agents": 50}),
        (1, {"enable_parallel_execution": False}),
    ],
)
def test_concurrency_is_the_smallest_limit(smallest: int, overrides: dict[str, Any]) -> None:
    """Each of the four limits counts, and without parallel execution it is 1."""
    assert load_config(overrides=overrides, env={}, use_files=False).concurrency() == smallest


def test_plain_function_needs_permission() -> None:
    """A function from text to text is unmetered, so the budget must allow it; anything else is no client."""
    with pytest.raises(ConfigError, match=r"llm_client is a plain function.*budget\.allow_unmetered = true"):
        load_config(overrides={"llm_client": str.upper}, env={}, use_files=False)
    overrides = {"llm_client": str.upper, "budget": {"allow_unmetered": True}}
    config = load_config(overrides=overrides, env={}, use_files=False)
    assert config.llm_client is str.upper
    assert not config.metered_llm()
    with pytest.raises(ConfigError, match=r"llm_client: expected a model backend .* found int"):
        load_config(overrides={"llm_client": 3}, env={}, use_files=False)


def test_everything_wrong_is_reported_at_once_with_places(places: Places) -> None:
    """Unknown keys, wrong types and bad names of all sources come in one error, each with its file and line."""
    places.user.write_text('[cordinator]\nx = 1\n[coordinator]\nmax_worker = 3\nagent_timeout = "long"\n')
    with pytest.raises(ConfigError) as caught:
        places.load()
    assert problems(caught) == [
        f"{places.user}:1: unknown key 'cordinator' (did you mean 'coordinator'?)",
        f"{places.user}:4: coordinator.max_worker: unknown key 'max_worker' (did you mean 'max_workers'?)",
        f"{places.user}:5: coordinator.agent_timeout: expected a number, found the text 'long'",
    ]
    places.user.write_text("")
    with pytest.raises(ConfigError) as caught:
        places.load(
            {"options": {"chek:a": {}, "plain": {}}, "plugins": {"disable": "acme"}, "budget": {"max_cost_usd": -1}},
            AGENT_DISPATCHER_COORDINATOR_MAX_WORKER="3",
            AGENT_DISPATCHER_USE_STORE="",
        )
    text = "\n".join(problems(caught))
    assert "options.chek:a: there is no kind 'chek' (did you mean 'check'?)" in text
    assert 'options.plain: expected "<kind>:<name>"' in text
    assert "plugins.disable: expected a list of texts, found the text 'acme'" in text
    assert "budget.max_cost_usd: 'max_cost_usd' must be >= 0: -1" in text
    assert "environment variable AGENT_DISPATCHER_COORDINATOR_MAX_WORKER: [coordinator] has no such key" in text


@pytest.mark.parametrize("key", ["project_options", "optional_options", "sources", "warnings"])
def test_derived_keys_cannot_be_given(key: str) -> None:
    """What the loader fills in itself is an unknown key to every source."""
    with pytest.raises(ConfigError, match=f"unknown key '{key}'"):
        load_config(overrides={key: {}}, env={}, use_files=False)


@pytest.mark.parametrize("value", ["inf", "nan", "0", "-1"])
def test_times_are_positive_and_finite(value: str) -> None:
    """A timeout that is no time is refused."""
    with pytest.raises(ConfigError, match=r"coordinator\.agent_timeout"):
        load_config(env={"AGENT_DISPATCHER_COORDINATOR_AGENT_TIMEOUT": value}, use_files=False)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"a = 1\nb = [[\n\nc = 2\n", ":4"),
        (b"a = 1\na = 2\n", ":2"),
        (b"a = '\xff'\n", ":1"),
        (b"a = " + b"[" * 100_000, ""),
        (b"a = " + b"9" * 10_000, ""),
        (b"#" * (1024 * 1024 + 1), ""),
    ],
)
def test_malformed_file_is_one_clear_error(places: Places, text: bytes, where: str) -> None:
    """A file that is not TOML, not UTF-8, too deep or too large is refused with its name and line."""
    path = places.project / "agent-dispatcher.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        places.load()
    (problem,) = caught.value.problems
    assert problem.where.startswith(f"{path}{where}")


def test_special_files_are_refused(places: Places) -> None:
    """A named pipe or a folder in the place of a file neither hangs nor crashes."""
    os.mkfifo(places.project / "agent-dispatcher.toml")
    with pytest.raises(ConfigError, match="not a regular file"):
        places.load()
    (places.project / "agent-dispatcher.toml").unlink()
    (places.project / "pyproject.toml").mkdir()
    with pytest.raises(ConfigError, match="not a regular file"):
        places.load()


def test_pyproject_table_with_lines(places: Places) -> None:
    """``[tool.agent-dispatcher]`` is a project's file too; ``agent-dispatcher.toml`` comes first."""
    (places.project / "pyproject.toml").write_text(
        '[project]\nname = "x"\n[tool.agent-dispatcher.coordinator]\nmax_workers = 2\n[tool.agent-dispatcher]\nmax_parallel_agents = 3\n'
    )
    config = places.load()
    assert (config.coordinator.max_workers, config.max_parallel_agents) == (2, 3)
    assert config.where("coordinator.max_workers") == f"{places.project}/pyproject.toml:4"
    (places.project / "agent-dispatcher.toml").write_text("[coordinator]\nmax_workers = 1\n")
    assert places.load().max_parallel_agents is None


def test_environment_values(places: Places) -> None:
    """Lists are split at commas, truth and numbers are read; section names with underscores work."""
    config = places.load(
        AGENT_DISPATCHER_PLUGINS_DISABLE="acme, bolt,",
        AGENT_DISPATCHER_PLUGINS_THIRD_PARTY="false",
        AGENT_DISPATCHER_PLUGINS_STRICT="1",
        AGENT_DISPATCHER_AGENT_FACTORY_MAX_TOTAL_AGENTS="3",
        AGENT_DISPATCHER_BUDGET_MAX_COST_USD="2.5",
        AGENT_DISPATCHER_MAX_PARALLEL_AGENTS="2",
        AGENT_DISPATCHER_USE_SANDBOX="auto",
        AGENT_DISPATCHER_USE_DECOMPOSERS="listed,pattern",
    )
    assert config.plugins.disable == ("acme", "bolt")
    assert (config.plugins.third_party, config.plugins.strict) == (False, True)
    assert (config.agent_factory.max_total_agents, config.budget.max_cost_usd, config.max_parallel_agents) == (
        3,
        2.5,
        2,
    )
    assert (config.use.sandbox, config.use.decomposers) == ("auto", ("listed", "pattern"))


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("AGENT_DISPATCHER_COORDINATOR_MAX_WORKERS", "many", "expected an integer, found the text 'many'"),
        ("AGENT_DISPATCHER_PLUGINS_STRICT", "perhaps", "expected true or false, found the text 'perhaps'"),
        ("AGENT_DISPATCHER_OPTIONS_LLM", "x", "this table cannot be set by a variable"),
        ("AGENT_DISPATCHER_UNSAFE_NO_SANDBOX", "1", "use --unsafe-no-sandbox"),
        ("AGENT_DISPATCHER_ALLOW_PARTIAL", "1", "use --allow-partial"),
    ],
)
def test_refused_variables(places: Places, variable: str, value: str, message: str) -> None:
    """A variable with a value or a key that cannot be is an error that names it."""
    with pytest.raises(ConfigError) as caught:
        places.load(**{variable: value})
    (text,) = problems(caught)
    assert text.startswith(f"environment variable {variable}")
    assert message in text


def test_strange_variables(places: Places) -> None:
    """A variable somebody else may own is ignored; one that looks misspelt is a warning."""
    config = places.load(AGENT_DISPATCHER_SERVICE_HOST="10.0.0.1", AGENT_DISPATCHER_PORT_8080_TCP_ADDR="x")
    assert config.warnings == ()
    config = places.load(AGENT_DISPATCHER_CORDINATOR_MAX_WORKERS="3")
    (warning,) = config.warnings
    assert "did you mean AGENT_DISPATCHER_COORDINATOR_MAX_WORKERS?" in warning


@pytest.mark.parametrize("key", ["allow_partial", "unsafe_no_sandbox"])
def test_dangerous_switches_are_not_for_files(places: Places, key: str) -> None:
    """What only a flag may switch is refused in a file and accepted from the command line."""
    places.user.write_text(f"{key} = true\n")
    with pytest.raises(ConfigError, match=f"{key} can only be given as a flag"):
        places.load()
    places.user.write_text("")
    assert getattr(places.load(flags={key: True}), key) is True
    places.user.write_text('llm_client = "x"\n')
    with pytest.raises(ConfigError, match="llm_client can only be given from Python"):
        places.load()


def test_files_can_be_left_out(places: Places) -> None:
    """``use_files=False`` reads neither the user's nor the project's file."""
    places.user.write_text("broken [")
    (places.project / "agent-dispatcher.toml").write_text("broken [")
    assert load_config(places.project, env=places.env, use_files=False) == Config()


def test_use_has_a_key_for_every_kind() -> None:
    """Each kind of component can be chosen in ``[use]``, and each section has a class or free keys."""
    assert set(USE_KEYS) == set(OFFERS.values())
    assert {each.name for each in attrs.fields(UseSettings)} - {"language"} == set(USE_KEYS.values())
    assert set(SECTIONS) < {each.name for each in attrs.fields(Config)}
