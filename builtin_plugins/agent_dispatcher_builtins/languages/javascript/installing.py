"""Packages of npm, installed from a lock file by ``npm ci``: from the registry that the user's npm is configured for, without running a script of any package, into
the user's cache under the digest of what they are made of.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from agent_dispatcher.errors import Unavailable

from ..provisioning import install, made_once
from .programs import REMEDY

__all__ = ["LOCK", "MANIFEST", "installed"]

MANIFEST, LOCK = "package.json", "package-lock.json"
#: Variables of the user's that npm needs to reach the registry it is configured for.
_PASSED = ("PATH", "HOME", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


async def installed(manifest: dict[str, Any], lock: dict[str, Any], cache: Path, timeout_s: float) -> Path:
    """The folder ``node_modules`` with what ``lock`` names; what was installed before is taken as it is.

    Raises:
        Unavailable: npm is missing, or could not install it.
    """
    made_of = json.dumps([manifest, lock, os.uname().machine], sort_keys=True)

    async def make(made: Path) -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("npm is not installed here", REMEDY)
        (made / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        (made / LOCK).write_text(json.dumps(lock), encoding="utf-8")
        await install(
            "npm ci",
            (
                *(npm, "ci", "--ignore-scripts", "--replace-registry-host=always", "--no-audit", "--no-fund"),
                *("--no-update-notifier", "--install-links=false", "--loglevel=error", "--fetch-retries=1"),
            ),
            cwd=made,
            env={
                key: value
                for key, value in os.environ.items()
                if key in _PASSED or key.lower() in ("npm_config_registry", "npm_config_cache", "npm_config_cafile")
            },
            timeout_s=timeout_s,
            remedy=f"run npm ci on {LOCK} by hand",
        )
        (made / "node_modules").mkdir(exist_ok=True)

    place = await made_once(cache / "node" / hashlib.sha256(made_of.encode()).hexdigest()[:32], make)
    return place / "node_modules"
