"""A project's file can do no harm until the user has vouched for it."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.config import (
    Config,
    is_trusted,
    load_config,
    project_file,
    restrict,
    revoke_trust,
    trust,
    trust_file,
)
from agent_dispatcher.errors import ConfigError


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """A user without any file."""
    return {"HOME": str(tmp_path / "home"), "XDG_STATE_HOME": str(tmp_path / "state")}


def write(folder: Path, text: str, name: str = "agent-dispatcher.toml") -> Path:
    """A project's file."""
    path = folder / name
    path.write_text(text)
    return path


HARMFUL = {
    "plugins.disable": '[plugins]\ndisable = ["good"]',
    "plugins.only": '[plugins]\nonly = ["evil"]',
    "plugins.third_party": "[plugins]\nthird_party = true",
    "use.store": '[use]\nstore = "evil"',
    "use.sandbox": '[use]\nsandbox = "none"',
    "use.llm": '[use]\nllm = "evil"',
    "use.decomposers": '[use]\ndecomposers = ["evil"]',
    "prefer": '[prefer]\n"check:pytest" = "evil"',
    "coordinator.max_workers": "[coordinator]\nmax_workers = 100",
    "coordinator.agent_timeout": "[coordinator]\nagent_timeout = 1e9",
    "coordinator.backoff_max_s": "[coordinator]\nbackoff_max_s = 0",
    "agent_factory.max_total_agents": "[agent_factory]\nmax_total_agents = 1000",
    "agent_factory.enable_pooling": "[agent_factory]\nenable_pooling = false",
    "state_manager.checkpoint_dir": '[state_manager]\ncheckpoint_dir = "/etc"',
    "state_manager.enable_persistence": "[state_manager]\nenable_persistence = false",
    "budget.allow_unmetered": "[budget]\nallow_unmetered = true",
    "unsafe_no_sandbox": "unsafe_no_sandbox = true",
    "allow_partial": "allow_partial = true",
    "llm_client": 'llm_client = "evil"',
    "no_such_section.key": "[no_such_section]\nkey = 1",
    "task_types.code_writing.agent_type": '[task_types.code_writing]\nagent_type = "evil"',
    "task_types.audit.timeout_s": "[task_types.audit]\ntimeout_s = 1e9",
    "task_types.audit.retries": "[task_types.audit]\nretries = 99",
    "workflow.before": "[workflow]\nbefore = 1",
    "sources": '[sources]\n"coordinator.max_workers" = "elsewhere"',
}


@pytest.mark.parametrize("key", HARMFUL)
def test_harmful_key_has_no_effect(
    key: str, tmp_path: Path, env: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A key that could loosen, choose or spend anything is ignored, with a warning that names it."""
    path = write(tmp_path, HARMFUL[key])
    config = load_config(tmp_path, env=env)
    expected = Config()
    assert (config.plugins, config.use, config.prefer, config.options) == (expected.plugins, expected.use, {}, {})
    assert (config.coordinator, config.agent_factory) == (expected.coordinator, expected.agent_factory)
    assert (config.state_manager, config.budget) == (expected.state_manager, expected.budget)
    assert (config.allow_partial, config.unsafe_no_sandbox, config.llm_client) == (False, False, None)
    assert all(each == type(each)() for each in config.task_types.values())
    (warning,) = config.warnings
    assert warning.startswith(f"{path} is not trusted, so this in it is ignored: {key}")
    assert [record.getMessage() for record in caplog.records] == [warning]


def test_one_warning_names_all(tmp_path: Path, env: dict[str, str]) -> None:
    """However much is ignored, there is one warning; control characters in it are spelled out."""
    write(tmp_path, '"\\u001b[2J" = 1\n[plugins]\nonly = ["a"]\nstrict = true\n[use]\nstore = "b"\n')
    (warning,) = load_config(tmp_path, env=env).warnings
    assert "plugins.only, plugins.strict, use.store" in warning
    assert "\x1b" not in warning
    assert "agent-dispatcher trust" in warning


ALLOWED = """
max_parallel_agents = 2
max_execution_time = 60
enable_parallel_execution = false
[coordinator]
max_workers = 3
agent_timeout = 10
max_attempts = 1
[agent_factory]
default_pool_size = 1
max_total_agents = 4
[budget]
max_cost_usd = 0.5
max_tokens = 1000
[use]
checks = ["bandit"]
[task_types.audit]
agent_type = "auditor"
checks = ["bandit"]
approval = "land"
timeout_s = 20
retries = 0
[task_types.code_writing]
checks = ["bandit"]
approval = "land"
[workflow]
after.code_writing = ["audit"]
[options."check:bandit"]
level = 3
"""


def test_what_is_allowed_counts(tmp_path: Path, env: dict[str, str]) -> None:
    """Lower limits, more checks, approvals, task types and workflow count without trust and without a warning."""
    write(tmp_path, ALLOWED)
    config = load_config(tmp_path, env=env)
    assert config.warnings == ()
    assert (config.max_parallel_agents, config.max_execution_time, config.enable_parallel_execution) == (2, 60, False)
    assert (config.coordinator.max_workers, config.coordinator.agent_timeout, config.coordinator.max_attempts) == (
        3,
        10,
        1,
    )
    assert (config.budget.max_cost_usd, config.budget.max_tokens) == (0.5, 1000)
    assert config.use.checks == ("...", "bandit")
    assert (config.task_types["audit"].agent_type, config.task_types["audit"].approval) == ("auditor", "land")
    assert config.task_types["code_writing"].checks == ("bandit",)
    assert config.workflow.after == {"code_writing": ("audit",)}
    assert (config.options, config.project_options) == ({}, {"check:bandit": {"level": 3}})


def test_limits_are_measured_against_the_users_own(tmp_path: Path, env: dict[str, str]) -> None:
    """A project may not raise what the user lowered, nor take away the user's checks, types and followers."""
    user = tmp_path / "home" / ".config" / "agent-dispatcher" / "config.toml"
    user.parent.mkdir(parents=True)
    user.write_text(
        "[budget]\nmax_cost_usd = 1.0\n[use]\nchecks = ['ruff']\n[task_types.audit]\nagent_type = 'mine'\nchecks = ['a']\n"
        "[workflow]\nafter.testing = ['review']\n"
    )
    write(
        tmp_path,
        "[budget]\nmax_cost_usd = 2.0\n[use]\nchecks = ['bandit']\n[task_types.audit]\nagent_type = 'evil'\nchecks = ['b']\n"
        "[workflow]\nafter.testing = ['audit']\n",
    )
    config = load_config(tmp_path, env=env)
    assert config.budget.max_cost_usd == 1.0
    assert config.use.checks == ("ruff", "bandit")
    assert (config.task_types["audit"].agent_type, config.task_types["audit"].checks) == ("mine", ("a", "b"))
    assert config.workflow.after == {"testing": ("review", "audit")}
    assert "budget.max_cost_usd (it may only be lowered), task_types.audit.agent_type" in config.warnings[0]


def test_later_sources_override_project_options(tmp_path: Path, env: dict[str, str]) -> None:
    """An option that a program sets is not overridden by the project's."""
    write(tmp_path, '[options."check:bandit"]\nlevel = 3\nstyle = "x"\n')
    config = load_config(tmp_path, {"options": {"check:bandit": {"level": 1}}}, env)
    assert config.project_options == {"check:bandit": {"style": "x"}}
    assert config.options == {"check:bandit": {"level": 1}}


def test_short_form_is_no_way_around(tmp_path: Path, env: dict[str, str]) -> None:
    """``<name>_config`` in an untrusted file is as untrusted as the table it stands for."""
    write(tmp_path, '[agent_factory.code_writer_config]\ncommand = "evil"\n')
    config = load_config(tmp_path, env=env)
    assert (config.options, config.project_options) == ({}, {"agent_type:code-writer": {"command": "evil"}})


@pytest.mark.parametrize(
    "data",
    [
        {"coordinator": {"max_workers": float("nan")}},
        {
            "coordinator": {"max_workers": True},
            "use": 3,
            "options": [],
            "workflow": {"after": 3},
            "task_types": {"x": 3},
        },
        {"options": {"check:a": 3}, "task_types": [], "plugins": []},
    ],
)
def test_odd_shapes_never_pass_as_allowed(data: dict[str, Any]) -> None:
    """A value of a wrong shape is ignored, or kept to be refused as the mistake it is; nothing crashes."""
    restricted = restrict(data, Config())
    assert restricted.options == {}
    assert set(restricted.data) <= {"coordinator", "workflow"}


def test_trust_counts_until_the_file_changes(tmp_path: Path, env: dict[str, str]) -> None:
    """A trusted file counts in full; any change to it, or taking the trust back, ends that."""
    path = write(tmp_path, '[plugins]\nonly = ["mine"]\n')
    project = project_file(tmp_path)
    assert project is not None
    record = trust(project, env)
    assert record == trust_file(env) == tmp_path / "state" / "agent-dispatcher" / "trusted.json"
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    config = load_config(tmp_path, env=env)
    assert (config.plugins.only, config.warnings) == (("mine",), ())
    path.write_text('[plugins]\nonly = ["evil"]\n')
    assert load_config(tmp_path, env=env).plugins.only is None
    path.write_text('[plugins]\nonly = ["mine"]\n')
    assert load_config(tmp_path, env=env).plugins.only == ("mine",)
    assert revoke_trust(project, env)
    assert not revoke_trust(project, env)
    assert load_config(tmp_path, env=env).plugins.only is None


def test_a_copy_elsewhere_is_not_trusted(tmp_path: Path, env: dict[str, str]) -> None:
    """Trust belongs to a place and a content, not to a content alone."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        write(folder, "[plugins]\nstrict = true\n")
    project = project_file(first)
    assert project is not None
    trust(project, env)
    assert load_config(first, env=env).plugins.strict is True
    assert load_config(second, env=env).plugins.strict is None


def test_trust_of_pyproject_survives_other_tables(tmp_path: Path, env: dict[str, str]) -> None:
    """In ``pyproject.toml`` only the dispatcher's own table matters."""
    path = write(
        tmp_path, '[project]\nversion = "1"\n[tool.agent-dispatcher.plugins]\nstrict = true\n', "pyproject.toml"
    )
    project = project_file(tmp_path)
    assert project is not None
    trust(project, env)
    path.write_text(path.read_text().replace('"1"', '"2"'))
    assert load_config(tmp_path, env=env).plugins.strict is True
    path.write_text(path.read_text().replace("true", "false"))
    assert load_config(tmp_path, env=env).plugins.strict is None


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": "x", "version": 1, "files": {}}', '{"files": 3}', "[" * 100_000]
)
def test_damaged_record_trusts_nothing(tmp_path: Path, env: dict[str, str], text: str) -> None:
    """A damaged record vouches for nothing, and adding to it is refused with what to do."""
    write(tmp_path, "[plugins]\nstrict = true\n")
    project = project_file(tmp_path)
    assert project is not None
    trust(project, env)
    trust_file(env).write_text(text)
    assert not is_trusted(project, env)
    assert load_config(tmp_path, env=env).plugins.strict is None
    with pytest.raises(ConfigError, match="remove it and trust your projects again"):
        trust(project, env)
