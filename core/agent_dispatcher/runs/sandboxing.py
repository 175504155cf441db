"""Which sandbox a run uses. It is probed before anything runs, and never replaced by a weaker one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import ConfigError, Problem, SandboxUnavailable, Unavailable
from ..extension.components import Completed, Limits, Sandbox
from ..extension.registry import Components, Registry

__all__ = ["MissingSandbox", "choose_sandbox"]


class MissingSandbox:
    """Stands where nothing needs a sandbox and none works: whoever runs something after all is refused."""

    tier = "isolated"

    def __init__(self, reason: SandboxUnavailable) -> None:
        self._reason = reason

    async def probe(self) -> None:
        """Refuse."""
        raise self._reason

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        """Refuse."""
        raise self._reason


async def choose_sandbox(registry: Registry, components: Components, *, unsafe: bool = False) -> Sandbox:
    """The sandbox that configuration names; for ``auto`` (and silence) the first in rank that isolates and proves it.

    Args:
        unsafe: the user's flag: run without protection, in the first component of tier ``none``.

    Raises:
        SandboxUnavailable: none works; says why each does not, what helps, and which flag goes without.
        ConfigError: configuration names one of tier ``none``, which only the flag may choose.
    """
    wanted = registry.config.use.sandbox
    reasons: list[str] = []
    weaker: list[str] = []
    for name in registry.active("sandbox"):
        try:
            sandbox: Sandbox = components.get("sandbox", name)
            if unsafe:
                if sandbox.tier == "none":
                    return sandbox
                continue
            if sandbox.tier == "none" and wanted == name:
                what = f"sandbox {name!r} does not protect from anything, so configuration may not choose it"
                raise ConfigError(
                    Problem(
                        what, registry.config.where("use.sandbox"), "remove it; --unsafe-no-sandbox is the flag for it"
                    )
                )
            if sandbox.tier == "isolated" or (sandbox.tier != "none" and wanted == name):
                await sandbox.probe()
                return sandbox
            if sandbox.tier != "none":
                weaker.append(f"{name} (tier {sandbox.tier})")
        except (SandboxUnavailable, Unavailable) as error:
            reasons.append(f"{name}: {error}")
    if unsafe:
        raise SandboxUnavailable("--unsafe-no-sandbox was given, but no active plugin runs commands without a sandbox")
    text = "; ".join(reasons) or "no active plugin offers one that isolates"
    if weaker:
        text += (
            f"; weaker, and used only if you choose it with --sandbox or in your own configuration: {', '.join(weaker)}"
        )
    flag = "" if "--unsafe-no-sandbox" in text else "; --unsafe-no-sandbox runs generated code without protection"
    raise SandboxUnavailable(f"no sandbox works here: {text}{flag}")
