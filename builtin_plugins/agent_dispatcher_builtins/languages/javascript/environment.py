"""What commands of JavaScript need inside the sandbox: node, and the packages that the tree's lock file names.

Nothing is installed unless the user's configuration names it: a package that the manifest asks for and the user has not allowed is refused by name. Only tools
of development that no test needs (types, linters, formatters, hooks) are passed over.
What is allowed is installed outside of every attempt (:mod:`.installing`) and bound read-only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.extension import Environment
from agent_dispatcher.workspace.path_guard import GuardedFolder

from ..provisioning import not_allowed
from .installing import LOCK, MANIFEST, installed
from .options import JavaScriptOptions
from .programs import node_program
from .type_stripper import type_stripper

__all__ = ["environment"]

#: Of ``devDependencies``: what the tree can be tested without.
_TOOLS = re.compile(
    r"typescript|@types/.+|(?:@[\w.-]+/)?(?:eslint|prettier|stylelint|tsconfig|commitlint)(?:[-/].+)?|@(?:eslint|typescript-eslint|stylistic|commitlint|biomejs|tsconfig|changesets|semantic-release)/.+"
    r"|typescript-eslint|@?oxlint|husky|lint-staged|lefthook|simple-git-hooks|commitizen|cz-.+|semantic-release|standard|neostandard|xo|rimraf|del-cli|nodemon|concurrently"
    r"|npm-run-all2?|publint|@arethetypeswrong/.+|knip|depcheck|size-limit|@size-limit/.+|typedoc(?:-.+)?|npm-check-updates|standard-version|release-it|tsup|tsdown|unbuild"
)
_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][\w.+-]*)?\Z")
_MAX_BYTES = 16 * 1024**2
_KINDS = ("dependencies", "devDependencies", "optionalDependencies")
#: What of the manifest ``npm ci`` compares with the lock file; scripts, workspaces and configuration stay behind.
_KEPT = ("name", "version", "overrides", *_KINDS)


async def environment(tree: Path, options: JavaScriptOptions, cache: Path, *, typed: bool = False) -> Environment:
    """Folders and variables for commands that work on ``tree``.

    Args:
        typed: TypeScript is run, whatever node there is.

    Raises:
        Unavailable: node is missing, the tree asks for a package that is not allowed, or it cannot be installed; says what helps.
    """
    node = node_program()
    folders = [] if node.resolve().is_relative_to("/usr") else [node.resolve().parent]
    language, left_out = "typescript" if typed else "javascript", list[str]()
    modules = await _modules(tree, options, cache, language, left_out)
    where = f'[options."language:{language}"] packages'
    about = f"for development only, so not installed (what {where} names is): {', '.join(left_out)}" if left_out else ""
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
    stripper = await type_stripper(node, cache, options.install_timeout_s) if typed else None
    if stripper is not None:
        folders.append(stripper)
        env["AGENT_DISPATCHER_TYPE_STRIPPER"] = str(stripper)
    stamp = node.resolve().stat()
    parts = [str(node.resolve()), str(stamp.st_size), str(stamp.st_mtime_ns), str(modules), str(stripper)]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return Environment(read_only=tuple(folders), env=env, digest=f"sha256:{digest}", about=about)


async def _modules(
    tree: Path, options: JavaScriptOptions, cache: Path, language: str, left_out: list[str]
) -> Path | None:
    """The folder ``node_modules`` for the tree; ``None`` when it asks for no package. Tools of development that are not in it are put into ``left_out``."""
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    manifest = _read(folder, MANIFEST)
    wanted = {name for kind in _KINDS for name in _table(manifest, kind)}
    refused = wanted - set(options.packages) if "*" not in options.packages else set()
    passed_over = {name for name in refused & _only_for_development(manifest) if _TOOLS.fullmatch(name)}
    if refused - passed_over:
        raise not_allowed({MANIFEST: sorted(refused - passed_over)}, language)
    left_out += sorted(passed_over)
    if not wanted - passed_over:
        return None
    lock = _read(folder, LOCK)
    if not lock:
        raise Unavailable(
            f"{MANIFEST} asks for packages, and there is no {LOCK}",
            "npm install --package-lock-only --ignore-scripts",
        )
    _refuse_strangers(lock)
    kept = _without({key: manifest[key] for key in _KEPT if key in manifest}, passed_over)
    packages = _table(lock, "packages")
    if passed_over and isinstance(packages.get(""), dict):
        lock = {**lock, "packages": {**packages, "": _without(packages[""], passed_over)}}
    return await installed(kept, lock, cache, options.install_timeout_s)


def _only_for_development(manifest: dict[str, Any]) -> set[str]:
    others = {name for kind in _KINDS if kind != "devDependencies" for name in _table(manifest, kind)}
    return set(_table(manifest, "devDependencies")) - others


def _without(manifest: dict[str, Any], names: set[str]) -> dict[str, Any]:
    """A manifest that does not ask for these for development."""
    kept = {name: version for name, version in _table(manifest, "devDependencies").items() if name not in names}
    return {**manifest, "devDependencies": kept} if names else manifest


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
        resolved, version = told.get("resolved"), told.get("version")
        web = isinstance(resolved, str) and resolved.startswith(("https://", "http://"))
        # npm can be configured not to write the registry down; then the version is all that is asked of it.
        web = web or ("resolved" not in told and isinstance(version, str) and _VERSION.match(version) is not None)
        if told.get("link") or not path.startswith("node_modules/") or ".." in path.split("/") or not web:
            raise Unavailable(f"{LOCK}: {path} does not come from a registry", "name a version that the registry has")
        around = _enclosing(path)
        if told.get("inBundle") is True and "resolved" not in told and around and around in _table(lock, "packages"):
            continue  # it is in the archive of the package around it
        if not isinstance(told.get("integrity"), str):
            raise Unavailable(f"{LOCK}: {path} has no digest (integrity)", f"make {LOCK} again with npm 7 or newer")


def _enclosing(path: str) -> str:
    """The package whose archive may hold one that is installed inside of it; ``""`` for one at the top."""
    return path.rpartition("/node_modules/")[0]
