"""Which project files the user has vouched for.

A clone may carry a configuration file, so it counts in full only after the user has looked at it once: its path and its digest are then
kept in the user's state folder. Any change to the file ends the trust.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from ..errors import ConfigError, Problem
from .sources import ProjectFile, xdg_folder

__all__ = ["is_trusted", "revoke_trust", "trust", "trust_file"]

_FORMAT = "agent-dispatcher/trusted"


def trust_file(env: Mapping[str, str]) -> Path:
    """Where the digests are kept (it may not exist)."""
    return xdg_folder(env, "XDG_STATE_HOME", ".local/state") / "trusted.json"


def is_trusted(project: ProjectFile, env: Mapping[str, str]) -> bool:
    """Whether the user has vouched for the file as it is now. A damaged record vouches for nothing."""
    try:
        return _load(env).get(_key(project)) == project.digest
    except ConfigError:
        return False


def trust(project: ProjectFile, env: Mapping[str, str]) -> Path:
    """Vouch for the file as it was read; returns the record's place.

    Raises:
        ConfigError: the record is damaged, or cannot be written.
    """
    return _save({**_load(env), _key(project): project.digest}, env)


def revoke_trust(project: ProjectFile, env: Mapping[str, str]) -> bool:
    """Vouch no longer; whether it had been trusted in any version."""
    digests = _load(env)
    if digests.pop(_key(project), None) is None:
        return False
    _save(digests, env)
    return True


def _key(project: ProjectFile) -> str:
    return os.path.realpath(project.path)


def _load(env: Mapping[str, str]) -> dict[str, str]:
    path = trust_file(env)
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != _FORMAT or document["version"] != 1:
            raise ValueError("it has another format")
        return {str(file): str(digest) for file, digest in document["files"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"the record of trusted files cannot be read: {error}"
        raise ConfigError(Problem(what, str(path), "remove it and trust your projects again")) from error


def _save(digests: Mapping[str, str], env: Mapping[str, str]) -> Path:
    path = trust_file(env)
    document = {"format": _FORMAT, "version": 1, "files": dict(sorted(digests.items()))}
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".trusted-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=2)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(
            Problem(f"trust cannot be recorded: {error.strerror}", str(path), "make it writable")
        ) from error
    return path
