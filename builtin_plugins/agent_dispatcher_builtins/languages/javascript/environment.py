"""What commands of JavaScript need inside the sandbox: node, and the packages that the tree's lock file names.

Nothing is installed unless the user's configuration names it: a package that the manifest asks for and the user has not allowed is refused by name.
What is allowed is installed outside of every attempt, by ``npm ci`` from the lock file, from the registry that the user's npm is configured for and from
nowhere else, without running a script of any package; it is kept under the digest of what it was made of and bound read-only.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.extension import Environment
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .options import JavaScriptOptions

__all__ = ["environment", "node_program"]

_MANIFEST, _LOCK = "package.json", "package-lock.json"
_MAX_BYTES = 16 * 1024**2
_KINDS = ("dependencies", "devDependencies", "optionalDependencies")
#: What of the manifest ``npm ci`` compares with the lock file; scripts, workspaces and configuration stay behind.
_KEPT = ("name", "version", "overrides", *_KINDS)
_REMEDY = "install node 20.15 or newer (with npm) and have it on PATH"
#: Variables of the user's that npm needs to reach the registry it is configured for.
_PASSED = ("PATH", "HOME", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def node_program() -> Path:
    """The node on PATH.

    Raises:
        Unavailable: there is none.
    """
    found = shutil.which("node")
    if found is None:
        raise Unavailable("node is not installed here", _REMEDY)
    return Path(found)


async def environment(tree: Path, options: JavaScriptOptions, cache: Path) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Raises:
        Unavailable: node is missing, the tree asks for a package that is not allowed, or it cannot be installed; says what helps.
    """
    node = node_program()
    folders = [] if node.resolve().is_relative_to("/usr") else [node.resolve().parent]
    modules = await _modules(tree, options, cache)
    env = {
        "PATH": os.pathsep.join(dict.fromkeys([str(node.resolve().parent), "/usr/local/bin", "/usr/bin", "/bin"])),
        "HOME": "/tmp",
        "TMPDIR": "/tmp",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "NODE_ENV": "test",
        # WebAssembly, which node itself uses, otherwise reserves more addresses than a sandbox gives.
        "NODE_OPTIONS": "--disable-wasm-trap-handler",
    }
    if modules is not None:
        folders.append(modules.parent)
        env |= {"AGENT_DISPATCHER_NODE_MODULES": str(modules), "NODE_PATH": str(modules)}
    stamp = node.resolve().stat()
    parts = [str(node.resolve()), str(stamp.st_size), str(stamp.st_mtime_ns), str(modules)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Environment(read_only=tuple(folders), env=env, digest=f"sha256:{digest}")


async def _modules(tree: Path, options: JavaScriptOptions, cache: Path) -> Path | None:
    """The folder ``node_modules`` for the tree; ``None`` when it asks for no package."""
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    manifest = _read(folder, _MANIFEST)
    wanted = {name for kind in _KINDS for name in _table(manifest, kind)}
    if not wanted:
        return None
    refused = sorted(wanted - set(options.packages)) if "*" not in options.packages else []
    if refused:
        verb = "is" if len(refused) == 1 else "are"
        raise Unavailable(
            f"{_MANIFEST} asks for {', '.join(refused)}, which {verb} not allowed",
            f"allow what is trusted: packages = {json.dumps(refused)} in the options of the language, or take it out of {_MANIFEST}",
        )
    lock = _read(folder, _LOCK)
    if not lock:
        raise Unavailable(
            f"{_MANIFEST} asks for packages, and there is no {_LOCK}",
            "npm install --package-lock-only --ignore-scripts",
        )
    _refuse_strangers(lock)
    kept = {key: manifest[key] for key in _KEPT if key in manifest}
    made_of = json.dumps([kept, lock, os.uname().machine], sort_keys=True)
    place = cache / "node" / hashlib.sha256(made_of.encode()).hexdigest()[:32]
    if not (place / "node_modules").is_dir():
        await _install(kept, lock, place, options.install_timeout_s)
    return place / "node_modules"


def _read(folder: GuardedFolder, name: str) -> dict[str, Any]:
    try:
        found = json.loads(folder.read_text(name))
    except FileNotFoundError:
        return {}
    except (PathRefused, ValueError, RecursionError) as error:
        raise Unavailable(f"the dependencies cannot be read: {name}: {error}", f"mend {name}") from error
    if not isinstance(found, dict):
        raise Unavailable(f"the dependencies cannot be read: {name} holds no object", f"mend {name}")
    return found


def _table(values: dict[str, Any], key: str) -> dict[str, Any]:
    table = values.get(key)
    return table if isinstance(table, dict) else {}


def _refuse_strangers(lock: dict[str, Any]) -> None:
    """A lock file can name folders, repositories and links: only archives of a registry, with their digest, are let in."""
    for path, entry in _table(lock, "packages").items():
        if not path:
            continue
        told = entry if isinstance(entry, dict) else {}
        resolved = told.get("resolved")
        web = isinstance(resolved, str) and resolved.startswith(("https://", "http://"))
        if told.get("link") or not path.startswith("node_modules/") or ".." in path.split("/") or not web:
            raise Unavailable(f"{_LOCK}: {path} does not come from a registry", "name a version that the registry has")
        if not isinstance(told.get("integrity"), str):
            raise Unavailable(f"{_LOCK}: {path} has no digest (integrity)", f"make {_LOCK} again with npm 7 or newer")


async def _install(manifest: dict[str, Any], lock: dict[str, Any], place: Path, timeout_s: float) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed here", _REMEDY)
    place.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=place.parent))
    try:
        (made / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        (made / _LOCK).write_text(json.dumps(lock), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            *(npm, "ci", "--ignore-scripts", "--replace-registry-host=always", "--no-audit", "--no-fund"),
            *("--no-update-notifier", "--install-links=false", "--loglevel=error", "--fetch-retries=1"),
            cwd=made,
            env={
                key: value
                for key, value in os.environ.items()
                if key in _PASSED or key.lower() in ("npm_config_registry", "npm_config_cache", "npm_config_cafile")
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), timeout_s)
        except TimeoutError:
            raise Unavailable(
                f"npm ci did not end within {timeout_s:g} s", "look at the connection to the registry"
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            told = " | ".join(line for line in said.decode("utf-8", "replace").splitlines() if line.strip())[:1000]
            raise Unavailable(f"npm ci ended with code {process.returncode}: {told}", f"run npm ci on {_LOCK} by hand")
        (made / "node_modules").mkdir(exist_ok=True)
        try:
            made.rename(place)
        except OSError:
            if not (place / "node_modules").is_dir():
                raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
