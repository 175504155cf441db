"""Environments with packages, made by pip: from the registry that the user's pip is configured for, wheels only, without running a line of any package, into
the user's cache under the digest of what they are made of.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache as once
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from agent_dispatcher.errors import Unavailable

from ..provisioning import install, made_once
from .interpreter import Tool, bare_interpreter, describe_tools, link_tools
from .locks import Lock

__all__ = ["Order", "installed", "plain"]

_RESOLVED = "resolved.json"
#: What pip says where versions do not go together.
_CONFLICT = "conflicting dependencies"
#: Variables of the user's that pip needs to reach the registry it is configured for.
_PASSED = (
    *("PATH", "HOME", "NETRC", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
    *("XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_CACHE_HOME"),
    *("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"),
)
#: Of pip's own variables those that say where packages are and how they are fetched.
_PASSED_OF_PIP = tuple(
    f"PIP_{name}"
    for name in (
        *("CONFIG_FILE", "INDEX_URL", "EXTRA_INDEX_URL", "FIND_LINKS", "NO_INDEX", "TRUSTED_HOST", "CERT"),
        *("CLIENT_CERT", "PROXY", "TIMEOUT", "DEFAULT_TIMEOUT", "CACHE_DIR", "NO_CACHE_DIR"),
    )
)
_REMEDY = "look at the versions and the wheels that the registry has (pip config list says which it is), and at the connection to it"


@frozen
class Order:
    """What to install.

    Attributes:
        requirements: names with versions, as pip takes them.
        constraints: versions of what may come with them, as pip takes them.
        lock: what it has to be.
        of_tools: versions of the tools that are asked for, which hold where those that are there cannot be used.
    """

    requirements: tuple[str, ...]
    constraints: tuple[str, ...]
    lock: Lock
    of_tools: tuple[str, ...] = ()


async def plain(tools: Mapping[str, Tool], cache: Path) -> Path:
    """The environment of a tree that asks for nothing."""

    async def make(made: Path) -> None:
        bare_interpreter(made, tools.values())
        link_tools(made, tools.values())

    return await made_once(_place(cache, tools, None), make)


async def installed(order: Order, tools: Mapping[str, Tool], cache: Path, timeout_s: float) -> tuple[Path, str]:
    """An environment with what is ordered and what that needs, and what exactly was installed; what was installed before is taken as it is.

    Raises:
        Unavailable: pip is missing, could not install it, or would have installed something else than the lock file says.
    """
    place = _place(cache, tools, order)

    async def make(made: Path) -> None:
        resolved = await _install_beside(order, tools, made, timeout_s)
        _rename_in_commands(made, place)
        (made / _RESOLVED).write_text(json.dumps(resolved, indent=1), encoding="utf-8")

    await made_once(place, make)
    return place, (place / _RESOLVED).read_text(encoding="utf-8")


def _place(cache: Path, tools: Mapping[str, Tool], order: Order | None) -> Path:
    made_of: list[object] = [sys.version, getattr(sys, "_base_executable", sys.executable), sysconfig.get_platform()]
    made_of += [[tool.name, tool.version, str(tool.place), tool.modules] for tool in tools.values()]
    if order is not None:
        pins = {name: [pin.version, sorted(pin.digests)] for name, pin in order.lock.pins.items()}
        made_of += [
            sorted(order.requirements),
            sorted(order.constraints),
            sorted(order.of_tools),
            order.lock.file,
            pins,
        ]
    return cache / "python" / hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:32]


async def _install_beside(order: Order, tools: Mapping[str, Tool], made: Path, timeout_s: float) -> list[list[str]]:
    """Install what is ordered in versions that go with the tools; where there are none, other versions of the tools with it, from the registry like the rest."""
    bare_interpreter(made, tools.values())
    try:
        resolved = await _install(order, tools, made, timeout_s)
    except Unavailable as error:
        if _CONFLICT not in error.reason:
            raise
        shutil.rmtree(made)
        bare_interpreter(made, ())
        try:
            resolved = await _install(
                evolve(order, constraints=(*order.constraints, *order.of_tools)), {}, made, timeout_s
            )
        except Unavailable:
            raise error from None
        others = [tool for tool in tools.values() if tool.name not in {name for name, *_ in resolved}]
        describe_tools(made, others)
        link_tools(made, others)
    else:
        link_tools(made, tools.values())
    return resolved


async def _install(order: Order, tools: Mapping[str, Tool], made: Path, timeout_s: float) -> list[list[str]]:
    """Install what is ordered.

    Args:
        tools: what is there already, and stays as it is.
    """
    report, constraints = made / "report.json", made / "constraints.txt"
    held = [f"{tool.name}=={tool.version}" for tool in tools.values()]
    held += _needed_by(tools)
    held += [f"{name}=={pin.version}" for name, pin in sorted(order.lock.pins.items()) if name not in tools]
    constraints.write_text("\n".join([*held, *order.constraints]) + "\n", encoding="utf-8")
    await install(
        "pip install",
        (
            *(
                str(made / "bin" / "python"),
                "-I",
                "-c",
                _runner(),
                _folder_of_pip(),
                "install",
                "--quiet",
                "--no-input",
            ),
            *("--only-binary", ":all:", "--no-user", "--retries", "1", "--disable-pip-version-check"),
            *("--no-warn-script-location", "--root-user-action", "ignore", "--report", str(report)),
            *("--constraint", str(constraints), "--", *order.requirements),
        ),
        cwd=made,
        env={key: value for key, value in os.environ.items() if key in (*_PASSED, *_PASSED_OF_PIP)},
        timeout_s=timeout_s,
        remedy=_REMEDY,
    )
    try:
        said = json.loads(report.read_text(encoding="utf-8"))
        resolved = sorted(_resolved(entry, order.lock, tools) for entry in said["install"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            f"pip does not say what it installed: {type(error).__name__}: {error}", "install pip 23 or newer"
        ) from error
    report.unlink()
    constraints.unlink()
    return resolved


def _needed_by(tools: Mapping[str, Tool]) -> Iterator[str]:
    """Versions that the tools need of what is none of them, should it be installed."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for need in (Requirement(text) for tool in tools.values() for text in tool.requires):
        applies = need.marker is None or need.marker.evaluate({"extra": ""})
        if applies and need.specifier and canonicalize_name(need.name) not in tools:
            yield f"{need.name}{need.specifier}"


def _resolved(entry: Mapping[str, Any], lock: Lock, tools: Mapping[str, Tool]) -> list[str]:
    """Name, version and digest of something that was installed.

    Raises:
        Unavailable: it is not what may be installed.
    """
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    name, version = canonicalize_name(entry["metadata"]["name"]), str(Version(entry["metadata"]["version"]))
    archive = entry["download_info"].get("archive_info", {})
    digest = f"sha256:{archive['hashes']['sha256']}" if "sha256" in archive.get("hashes", {}) else ""
    if entry["is_direct"] or name in tools or not digest:
        raise Unavailable(
            f"{name} {version} does not come from a registry", "allow packages that need no others from elsewhere"
        )
    pin = lock.pins.get(name)
    if pin is None and lock.file:
        raise Unavailable(f"{name} {version} is needed, and {lock.file} does not have it", lock.remedy)
    if pin is not None and (pin.version != version or digest not in pin.digests):
        raise Unavailable(
            f"{name} {version} of the registry has the digest {digest}, which {lock.file or 'the requirement file'} does not name",
            lock.remedy or "find out why: somebody may have exchanged it",
        )
    return [name, version, digest]


def _folder_of_pip() -> str:
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        raise Unavailable(f"pip is not installed in {sys.prefix}", f"{sys.executable} -m ensurepip")
    return str(Path(found.origin).parents[1])


def _rename_in_commands(made: Path, place: Path) -> None:
    """Commands of packages name the interpreter by the path it had when they were made."""
    for command in (made / "bin").iterdir():
        if command.is_symlink() or not command.is_file():
            continue
        data = command.read_bytes()
        if data.startswith(b"#!"):
            command.write_bytes(data.replace(os.fsencode(made), os.fsencode(place)))


@once
def _runner() -> str:
    return Path(__file__).with_name("_run_pip.py").read_text(encoding="utf-8")
