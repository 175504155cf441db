"""``plugins`` and ``trust`` on the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent_dispatcher.cli.plugins import plugins
from agent_dispatcher.cli.trust import trust
from agent_dispatcher.config import trust_file
from agent_dispatcher.errors import UsageError
from agent_dispatcher.extension.discovery import scan
from agent_dispatcher.extension.probe import examine


def run(command: Any, *arguments: str) -> tuple[int, str]:
    """Exit code (or returned status) and stdout of a command; its errors are raised."""
    result: Result = CliRunner().invoke(command, arguments, catch_exceptions=False, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.stdout


@pytest.fixture
def only_acme(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Only the fixture distributions are enabled, and the current folder is empty."""
    monkeypatch.setenv("AGENT_DISPATCHER_PLUGINS_ONLY", "acme-agents,bolt-agents")
    monkeypatch.setenv("AGENT_DISPATCHER_PLUGINS_DISABLE", "hangs")
    monkeypatch.chdir(tmp_path)
    return installed


def by_name(text: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Entries of a JSON document by name and distribution."""
    document = json.loads(text)
    assert (document["format"], document["version"]) == ("agent-dispatcher/plugins", 1)
    return {(entry["name"], entry["distribution"]): entry for entry in document["plugins"]}


@pytest.mark.usefixtures("only_acme")
def test_list_reads_metadata_only() -> None:
    """``list`` names every plugin with its distribution and whether it is enabled, in a process that imports none."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print([n for n in sys.modules if n.startswith(('acme_', 'bolt_', 'agent_dispatcher_builtins'))], "
        "file=sys.stderr))\n"
        "from agent_dispatcher.cli import main\nmain(['plugins', 'list', '--json'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert done.stderr.strip().splitlines()[-1] == "[]"
    entries = by_name(done.stdout)
    assert entries["good", "acme-agents"]["status"] == "enabled"
    assert entries["good", "bolt-agents"]["version"] == "0.9"
    assert (entries["hangs", "acme-agents"]["status"], entries["hangs", "acme-agents"]["reason"]) == (
        "disabled",
        "'hangs' is in plugins.disable",
    )
    assert entries["native", "agent-dispatcher"]["status"] == "disabled"


@pytest.mark.usefixtures("only_acme")
def test_list_is_readable() -> None:
    """Without ``--json`` it is a table."""
    code, text = run(plugins, "list")
    assert code == 0
    lines = text.splitlines()
    assert lines[0].split() == ["NAME", "DISTRIBUTION", "STATUS"]
    assert ["import-fails", "acme-agents", "1.2", "enabled"] in [line.split() for line in lines]


@pytest.mark.usefixtures("only_acme")
def test_doctor_names_every_fault() -> None:
    """``doctor`` loads each plugin by itself, reports what is wrong with which, and exits with 1."""
    code, text = run(plugins, "doctor", "--json")
    assert code == 1
    entries = by_name(text)
    problems = {name: entry["problems"] for (name, _), entry in entries.items() if entry["problems"]}
    assert set(problems) == {
        "import-fails",
        "exits",
        "bad-signature",
        "misspelt",
        "unmarked",
        "raising-offer",
        "wrong-type",
        "foreign-api",
        "nowhere",
    }
    assert problems["import-fails"] == [
        "it cannot be imported: ModuleNotFoundError: No module named 'acme_dependency_that_is_missing'"
    ]
    good = entries["good", "acme-agents"]
    assert good["status"] == "loaded"
    assert [(each["kind"], each["name"]) for each in good["components"]] == [
        ("decomposer", "splitter"),
        ("agent_type", "reviewer"),
    ]
    assert good["commands"] == ["greet"]
    assert good["import_s"] > 0
    assert entries["noisy", "acme-agents"]["status"] == "loaded"
    (conflict,) = json.loads(text)["conflicts"]
    assert conflict.startswith(
        "agent_type:reviewer is offered by 'good' of acme-agents 1.2 and by 'good' of bolt-agents 0.9"
    )
    assert not [name for name in sys.modules if name.startswith("acme_plugins")]


def test_doctor_is_content_with_good_plugins(only_acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing wrong it says so and exits with 0; a preference settles a conflict."""
    monkeypatch.setenv("AGENT_DISPATCHER_PLUGINS_ONLY", "good,noisy")
    config = Path(os.environ["XDG_CONFIG_HOME"]) / "agent-dispatcher"
    config.mkdir(parents=True)
    (config / "config.toml").write_text('[prefer]\n"agent_type:reviewer" = "acme-agents"\n')
    code, text = run(plugins, "doctor")
    assert (code, text.splitlines()[-1]) == (0, "all is well")


@pytest.mark.usefixtures("installed")
def test_examining_a_plugin_that_hangs() -> None:
    """A plugin that never finishes loading is a failed one, after the time it was given."""
    (hanging,) = [each.plugin for each in scan()[0] if each.plugin.name == "hangs"]
    examination = examine(hanging, timeout_s=1.0)
    assert examination.plugin.status == "failed"
    assert examination.problems == ("it was not done within 1 seconds",)


def test_the_current_folder_is_no_source_of_modules(only_acme: Path, tmp_path: Path) -> None:
    """A module in the current folder, which may be a stranger's, is not what gets imported."""
    (tmp_path / "acme_plugins.py").write_text("import pathlib; pathlib.Path('canary').touch()\n")
    (tmp_path / "json.py").write_text("import pathlib; pathlib.Path('canary').touch()\n")
    (good,) = [each.plugin for each in scan()[0] if each.plugin.name == "noisy"]
    assert examine(good).plugin.status == "loaded"
    assert not (tmp_path / "canary").exists()


@pytest.mark.usefixtures("only_acme")
def test_show_describes_options() -> None:
    """``show`` gives what a plugin offers, with its options and who may set them; an unknown name gets suggestions."""
    code, text = run(plugins, "show", "good")
    assert code == 0
    assert "agent_type reviewer (rank 5): Reviews." in text
    assert "    does review" in text
    assert "    level (int): default 1" in text
    assert "    style (str): default 'plain', may be set by a project" in text
    assert "good: plugin of bolt-agents 0.9" in text
    assert run(plugins, "show", "misspelt")[0] == 1
    with pytest.raises(UsageError, match="called 'goood': did you mean 'good'"):
        run(plugins, "show", "goood")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a project's file, and a user without any."""
    for name in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


def test_trust_shows_and_records(project: Path) -> None:
    """``trust`` shows what the file may not set yet, fit for a terminal, and records it; revoking takes it back."""
    path = project / "agent-dispatcher.toml"
    path.write_text(
        '[plugins]\nonly = ["a"]\n[coordinator]\nmax_workers = 1\n[options."check:\\u001b[2J"]\nkey = "x"\n'
    )
    code, text = run(trust, str(project), "--dry-run")
    assert code == 0
    assert '  plugins.only = ["a"]' in text
    assert '  options.check:\\x1b[2J.key = "x"' in text
    assert "max_workers" not in text
    assert not trust_file(os.environ).exists()
    assert run(trust, str(path))[1].splitlines()[-1] == f"trusted; recorded in {trust_file(os.environ)}"
    assert run(trust, str(project))[1] == f"{path} is trusted already\n"
    assert run(trust, str(project), "--revoke")[1] == f"{path} is no longer trusted\n"
    assert run(trust, str(project), "--revoke")[1] == f"{path} was not trusted\n"


def test_trust_needs_a_file(project: Path) -> None:
    """Without a configuration there is nothing to trust, and the message says what was looked for."""
    with pytest.raises(UsageError, match=r"expected agent-dispatcher\.toml"):
        run(trust, str(project))
    with pytest.raises(UsageError, match="does not exist"):
        run(trust, str(project / "nowhere" / "agent-dispatcher.toml"))


def test_help_says_where_the_commands_of_plugins_are() -> None:
    """``--help`` loads no plugin, so it cannot list them."""
    from agent_dispatcher.cli.main import cli

    assert "plugins list" in CliRunner().invoke(cli, ["--help"]).output
    assert CliRunner().invoke(cli, ["prompts", "--help"]).exit_code == 0
