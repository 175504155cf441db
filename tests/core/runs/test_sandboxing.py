"""Which sandbox a run uses: the strongest that proves itself, a weaker one only by the user's own word."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.config import Config, load_config
from agent_dispatcher.errors import ConfigError, SandboxUnavailable
from agent_dispatcher.extension import Component, hookimpl
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher.runs.sandboxing import choose_sandbox


class _Box:
    def __init__(self, name: str, tier: str, works: bool) -> None:
        self.name, self.tier, self.works = name, tier, works

    async def probe(self) -> None:
        if not self.works:
            raise SandboxUnavailable(f"{self.name} is broken")


class _Boxes:
    """A plugin with one sandbox of each tier."""

    def __init__(self, *, strong_works: bool) -> None:
        self.boxes = [
            _Box("strong", "isolated", strong_works),
            _Box("light", "reduced", True),
            _Box("bare", "none", True),
        ]

    @hookimpl
    def dispatcher_sandboxes(self) -> Iterable[Component]:
        for rank, box in enumerate(self.boxes):
            yield Component(box.name, "A sandbox.", lambda options, services, box=box: box, default_rank=rank)


def _chosen(config: Config, *, strong_works: bool = False, unsafe: bool = False) -> Any:
    registry = Registry(config, plugins=(("boxes", _Boxes(strong_works=strong_works)),), discover=False)

    async def choose() -> Any:
        async with registry.scope(Path("unused")) as components:
            return await choose_sandbox(registry, components, unsafe=unsafe)

    return asyncio.run(choose()).name


def _config(tmp_path: Path, **options: Any) -> Config:
    options.setdefault("env", {"HOME": str(tmp_path / "home")})
    return load_config(tmp_path, **options)


def test_a_weaker_tier_is_never_chosen_by_itself(tmp_path: Path) -> None:
    """When nothing isolates nothing is run; the message names what the user could choose."""
    assert _chosen(_config(tmp_path), strong_works=True) == "strong"
    with pytest.raises(SandboxUnavailable, match=r"strong is broken.*light \(tier reduced\).*--unsafe-no-sandbox"):
        _chosen(_config(tmp_path))


def test_the_user_may_choose_a_weaker_tier(tmp_path: Path) -> None:
    """In their own file, in the environment, by a flag, from Python."""
    own = tmp_path / "home" / ".config" / "agent-dispatcher" / "config.toml"
    own.parent.mkdir(parents=True)
    home = {"HOME": str(tmp_path / "home")}
    assert _chosen(_config(tmp_path, env={**home, "AGENT_DISPATCHER_USE_SANDBOX": "light"})) == "light"
    assert _chosen(_config(tmp_path, flags={"use": {"sandbox": "light"}})) == "light"
    assert _chosen(_config(tmp_path, overrides={"use": {"sandbox": "light"}})) == "light"
    own.write_text('[use]\nsandbox = "light"\n')
    assert _chosen(_config(tmp_path)) == "light"


@pytest.mark.parametrize("name", ["agent-dispatcher.toml", "pyproject.toml"])
def test_a_project_may_not(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """What a clone brings along does not lower the tier; it is named and passed over."""
    table = "[use]" if name == "agent-dispatcher.toml" else "[tool.agent-dispatcher.use]"
    (tmp_path / name).write_text(f'{table}\nsandbox = "light"\n')
    config = _config(tmp_path)
    assert any("use.sandbox" in warning for warning in config.warnings)
    assert _chosen(config, strong_works=True) == "strong"
    with pytest.raises(SandboxUnavailable):
        _chosen(config)


def test_no_protection_only_by_the_flag(tmp_path: Path) -> None:
    """A configuration that names a sandbox of tier none is refused; the flag takes it even where others work."""
    with pytest.raises(ConfigError, match="--unsafe-no-sandbox"):
        _chosen(_config(tmp_path, overrides={"use": {"sandbox": "bare"}}))
    assert _chosen(_config(tmp_path), strong_works=True, unsafe=True) == "bare"
