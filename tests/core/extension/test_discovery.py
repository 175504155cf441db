"""Each broken plugin is named and harms nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent_dispatcher.config import Config, PluginSettings
from agent_dispatcher.errors import ConfigError, PluginLoadError
from agent_dispatcher.extension import Component, hookimpl
from agent_dispatcher.extension.discovery import exclusion, load, new_manager, scan
from agent_dispatcher.extension.registry import Plugin, Registry

ACME = ("acme-agents",)


def registry(*, disable: tuple[str, ...] = ("hangs",), only: tuple[str, ...] | None = ACME, **more: object) -> Registry:
    """A registry of the fixture distributions."""
    return Registry(Config(plugins=PluginSettings(disable=disable, only=only, **more)))  # type: ignore[arg-type]


def status_of(registry: Registry, name: str, distribution: str = "acme-agents") -> tuple[str, str]:
    """Status and reason of a plugin."""
    (plugin,) = [each for each in registry.plugins() if (each.name, each.distribution) == (name, distribution)]
    return plugin.status, plugin.reason


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "import-fails",
            "it cannot be imported: ModuleNotFoundError: No module named 'acme_dependency_that_is_missing'",
        ),
        ("exits", "it cannot be imported: SystemExit: no licence"),
        ("bad-signature", "Argument(s) {'specification'} are declared in the hookimpl"),
        ("misspelt", "there is no hook 'dispatcher_decomposer': did you mean 'dispatcher_decomposers'"),
        ("unmarked", "it implements no hook: dispatcher_decomposers is not marked with @hookimpl"),
    ],
)
def test_broken_plugin_is_named(name: str, reason: str) -> None:
    """A plugin that cannot be loaded is recorded with the reason, and the good one beside it works."""
    found = registry()
    status, text = status_of(found, name)
    assert status == "failed"
    assert reason in text
    assert any(f"'{name}' of acme-agents 1.2" in warning for warning in found.warnings)
    assert status_of(found, "good") == ("loaded", "")
    assert "splitter" in found.active("decomposer")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "kind", "reason"),
    [
        ("raising-offer", "decomposer", "dispatcher_decomposers raised RuntimeError: out of ideas"),
        ("wrong-type", "agent_type", "as agent_type, expected AgentType(...)"),
        ("foreign-api", "decomposer", "version 99 of the plugin API, this dispatcher has version 1"),
    ],
)
def test_broken_offer_is_named(name: str, kind: str, reason: str) -> None:
    """A plugin whose offer is refused is recorded with the reason, and what others offer is unharmed."""
    found = registry()
    assert status_of(found, name) == ("loaded", "")
    names = {each.name for each in found.offers(kind)}
    status, text = status_of(found, name)
    assert status == "failed"
    assert reason in text
    assert names & {"splitter", "reviewer"}
    assert not names & {"half", "wrong-type", "from-the-future"}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["import-fails", "misspelt", "bad-signature"])
def test_strict_raises(name: str) -> None:
    """In a strict registry the first failure is an error that names the plugin."""
    with pytest.raises(PluginLoadError, match=f"'{name}' of acme-agents 1.2") as caught:
        registry(only=(name,), strict=True)
    assert caught.value.plugin == name


@pytest.mark.usefixtures("installed")
def test_strict_raises_for_offers() -> None:
    """In a strict registry a refused offer is an error when the kind is first looked at."""
    found = registry(only=("foreign-api",), strict=True)
    with pytest.raises(PluginLoadError, match=r"'foreign-api' of acme-agents 1\.2.*version 99"):
        found.offers("decomposer")


@pytest.mark.usefixtures("installed")
def test_disabled_is_never_imported() -> None:
    """A plugin that is disabled, by its own or its distribution's name, is not imported; it is recorded with the reason."""
    found = registry(disable=("hangs", "good", "Bolt_Agents"), only=None)
    assert "acme_plugins.good" not in sys.modules
    assert "acme_plugins.noisy" in sys.modules
    assert "bolt_plugins" not in sys.modules
    assert status_of(found, "good") == ("disabled", "'good' is in plugins.disable")
    assert status_of(found, "nowhere", "bolt-agents") == ("disabled", "'Bolt_Agents' is in plugins.disable")


@pytest.mark.usefixtures("installed")
def test_only_and_third_party_keep_out() -> None:
    """``only`` lets nothing else in, ``third_party = false`` nothing that is not the dispatcher's own."""
    found = registry(only=("noisy",))
    assert {each.name for each in found.plugins() if each.status == "loaded"} == {"noisy"}
    assert "acme_plugins.good" not in sys.modules
    settings = PluginSettings(third_party=False)
    kept = {each.plugin.distribution for each in scan()[0] if not exclusion(each.plugin, settings)}
    assert kept == {"agent-dispatcher"}


@pytest.mark.usefixtures("installed")
def test_unknown_names_are_noticed() -> None:
    """An unknown name in ``only`` is an error, in ``disable`` a warning; both suggest what was meant."""
    with pytest.raises(ConfigError, match=r"'acme-agent', and no such plugin.*did you mean 'acme-agents'"):
        registry(only=("acme-agent",))
    found = registry(disable=("hangs", "noisey"))
    assert any("'noisey'" in warning and "did you mean 'noisy'?" in warning for warning in found.warnings)


@pytest.mark.usefixtures("installed")
def test_two_distributions_may_use_one_entry_point_name() -> None:
    """Both plugins are loaded, with a record each."""
    found = registry(only=("good",))
    assert [(each.distribution, each.status) for each in found.plugins() if each.name == "good"] == [
        ("acme-agents", "loaded"),
        ("bolt-agents", "loaded"),
    ]
    assert found.fingerprint() == {"acme-agents:good": "1.2", "bolt-agents:good": "0.9"}


@pytest.mark.usefixtures("installed")
def test_missing_attribute_is_named() -> None:
    """An entry point whose attribute does not exist is a failed plugin."""
    found = registry(only=("nowhere",))
    assert "has no attribute 'absent'" in status_of(found, "nowhere", "bolt-agents")[1]


@pytest.mark.usefixtures("installed")
def test_scanning_imports_nothing() -> None:
    """Finding plugins reads metadata only."""
    found, broken = scan()
    assert {"good", "import-fails", "hangs"} <= {each.plugin.name for each in found}
    assert broken == ()
    assert not [name for name in sys.modules if name.startswith(("acme_plugins", "bolt_plugins"))]


@pytest.mark.usefixtures("installed")
def test_unreadable_metadata_hides_nobody(tmp_path: Path) -> None:
    """A distribution whose entry points cannot be parsed is recorded as failed, and all others are found."""
    folder = tmp_path / "damaged-1.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: damaged\nVersion: 1\n")
    (folder / "entry_points.txt").write_text("[agent_dispatcher.plugins]\nthis is no entry point\n")
    code = (
        "from agent_dispatcher.extension.discovery import scan\n"
        "found, broken = scan()\n"
        "print(sorted(each.plugin.name for each in found if each.plugin.distribution == 'bolt-agents'), "
        "[(each.name, each.status) for each in broken])"
    )
    environment = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ["PYTHONPATH"]])}
    output = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "['good', 'nowhere'] [('damaged', 'failed')]"


class _Plugin:
    @hookimpl
    def dispatcher_decomposers(self) -> list[Component]:
        return [Component("one", "One.", lambda options, services: 1, default_rank=1)]


class _Wrapping:
    @hookimpl(wrapper=True)
    def dispatcher_decomposers(self):  # type: ignore[no-untyped-def]
        return (yield)


class _Async:
    @hookimpl
    async def dispatcher_events(self, events: object) -> None: ...


class _Unhashable(_Plugin):
    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (_Plugin, "it names the class _Plugin"),
        (_Wrapping(), "dispatcher_decomposers is a wrapper"),
        (_Async(), "dispatcher_events is async"),
        (_Unhashable(), "is not hashable"),
        (object(), "it implements no hook"),
    ],
)
def test_unusable_object_is_refused(target: object, reason: str) -> None:
    """What cannot work as a plugin is refused with the reason, and the manager is left without it."""
    manager = new_manager()
    with pytest.raises(PluginLoadError, match="'odd'") as caught:
        load(manager, Plugin(name="odd", source="given"), target)
    assert reason in caught.value.reason
    assert manager.list_name_plugin() == []


def test_curated_plugins_are_strict() -> None:
    """Without discovery exactly the given plugins are used, and one that fails is an error by default."""
    assert [each.name for each in Registry(Config(), [("mine", _Plugin())], discover=False).plugins()] == ["mine"]
    with pytest.raises(PluginLoadError, match="'odd'"):
        Registry(Config(), [("mine", _Plugin()), ("odd", object())], discover=False)
    lenient = Config(plugins=PluginSettings(strict=False))
    found = Registry(lenient, [("mine", _Plugin()), ("odd", object())], discover=False)
    assert [(each.name, each.status) for each in found.plugins()] == [("mine", "loaded"), ("odd", "failed")]
    with pytest.raises(PluginLoadError, match="two plugins are given under the name 'mine'"):
        Registry(Config(), [("mine", _Plugin()), ("mine", _Plugin())], discover=False)


def test_two_registries_share_nothing() -> None:
    """Two registries in one process have their own plugins, offers and records."""
    shared = _Plugin()
    first = Registry(Config(), [("mine", shared)], discover=False)
    second = Registry(Config(), [("theirs", shared), ("more", _Plugin())], discover=False)
    assert [each.plugin.name for each in first.offers("decomposer")] == ["mine"]
    assert {each.plugin.name for each in second.offers("decomposer")} == {"theirs", "more"}


def test_importing_the_package_loads_no_plugin() -> None:
    """Nothing is discovered or imported by importing the dispatcher's extension package."""
    code = (
        "import sys; import agent_dispatcher.extension, agent_dispatcher.extension.registry\n"
        "print([name for name in sys.modules if name.startswith(('agent_dispatcher_builtins', 'sqlmodel', 'networkx', 'jinja2'))])"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert output.stdout.strip() == "[]"


def test_entry_points_of_the_backport_are_loaded_too() -> None:
    """Once ``importlib_metadata`` is imported, as ``keyring`` does, the finder gives its entry points, which are of another class."""

    class Offering:
        @hookimpl
        def dispatcher_checks(self) -> list[Component]:
            return []

    class EntryPoint:
        def load(self) -> object:
            return Offering()

    plugin, target = load(new_manager(), Plugin(name="p", distribution="d", version="1"), EntryPoint())
    assert plugin.hooks == ("dispatcher_checks",)
    assert isinstance(target, Offering)
