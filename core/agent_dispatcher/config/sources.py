"""Where configuration comes from: TOML files with the lines of their keys, and environment variables.

Each source becomes a :class:`Layer`: plain nested tables, and for every key the place it was set. Nothing is checked against the
configuration's classes here.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tomllib
import types
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import attrs
from attrs import field, frozen

from ..codec import suggestion
from ..errors import ConfigError, Problem
from .values import ONLY_BY_FLAG, ONLY_FROM_PYTHON, SECTIONS, Config, top_level_keys

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Layer",
    "ProjectFile",
    "environment_layer",
    "mapping_layer",
    "project_file",
    "user_file",
    "user_layer",
    "xdg_folder",
]

ENVIRONMENT_PREFIX = "AGENT_DISPATCHER_"
#: A configuration file larger than this is refused.
MAX_BYTES = 1024 * 1024

_KEY_PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|([A-Za-z0-9_-]+))\s*')


@frozen(kw_only=True)
class Layer:
    """One source of configuration.

    Attributes:
        name: what to call it in messages.
        data: nested tables.
        sources: path of a key -> ``file:line`` or whatever names the place; a path that is missing is at ``name``.
    """

    name: str
    data: Mapping[str, Any]
    sources: Mapping[str, str] = field(factory=dict)

    def where(self, path: str) -> str:
        """The place of the key with that path."""
        while path:
            if path in self.sources:
                return self.sources[path]
            path = path.rpartition(".")[0]
        return self.name


@frozen(kw_only=True)
class ProjectFile:
    """A project's configuration as it was read, once.

    Attributes:
        path: the file.
        layer: what it says.
        digest: changes when the configuration in it does: of the whole file, or of the table in ``pyproject.toml``.
    """

    path: Path
    layer: Layer
    digest: str


def xdg_folder(env: Mapping[str, str], variable: str, default: str) -> Path:
    """The dispatcher's folder below a folder of the XDG base directories (``XDG_CONFIG_HOME`` and ``.config``, ...)."""
    given = env.get(variable, "")
    if given.startswith("/"):
        return Path(given) / "agent-dispatcher"
    home = env.get("HOME") or str(Path.home())
    return Path(home) / default / "agent-dispatcher"


def user_file(env: Mapping[str, str]) -> Path:
    """Where the user's own configuration is (it may not exist)."""
    return xdg_folder(env, "XDG_CONFIG_HOME", ".config") / "config.toml"


def user_layer(env: Mapping[str, str]) -> Layer | None:
    """The user's own file, ``None`` when there is none."""
    path = user_file(env)
    data = _read(path)
    if data is None:
        return None
    text = _decode(path, data)
    return Layer(name=str(path), data=_parse(path, text), sources=_lines(path, text))


def project_file(folder: Path) -> ProjectFile | None:
    """The configuration of the project in ``folder``: ``agent-dispatcher.toml``, else ``[tool.agent-dispatcher]`` of ``pyproject.toml``.

    Raises:
        ConfigError: the file cannot be read, or is not TOML.
    """
    path = folder / "agent-dispatcher.toml"
    data = _read(path)
    if data is not None:
        text = _decode(path, data)
        layer = Layer(name=str(path), data=_parse(path, text), sources=_lines(path, text))
        return ProjectFile(path=path, layer=layer, digest=f"sha256:{hashlib.sha256(data).hexdigest()}")
    path = folder / "pyproject.toml"
    data = _read(path)
    if data is None or b"agent-dispatcher" not in data:
        return None
    text = _decode(path, data)
    tool = _parse(path, text).get("tool", {})
    table = tool.get("agent-dispatcher") if isinstance(tool, dict) else None
    if not isinstance(table, dict):
        return None
    prefix = "tool.agent-dispatcher."
    lines = {key.removeprefix(prefix): at for key, at in _lines(path, text).items() if key.startswith(prefix)}
    canonical = json.dumps(table, sort_keys=True, default=str).encode()
    layer = Layer(name=str(path), data=table, sources=lines)
    return ProjectFile(path=path, layer=layer, digest=f"sha256:{hashlib.sha256(canonical).hexdigest()}")


def mapping_layer(data: Mapping[str, Any], name: str) -> Layer:
    """A dict given by a program."""
    return Layer(name=name, data=data)


def environment_layer(env: Mapping[str, str]) -> tuple[Layer, list[str], list[Problem]]:
    """What the variables ``AGENT_DISPATCHER_<SECTION>_<KEY>`` say.

    A variable of a known section that names no key of it is a problem. Any other is somebody else's (a container platform makes
    variables out of the names of services); it is a warning when it looks like a misspelt one.

    Returns:
        The layer, warnings, problems.
    """
    data: dict[str, Any] = {}
    sources: dict[str, str] = {}
    warnings: list[str] = []
    problems: list[Problem] = []
    known = _environment_keys()
    for variable in sorted(name for name in env if name.startswith(ENVIRONMENT_PREFIX)):
        text = env[variable]
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        where = f"environment variable {variable}"
        if name in known:
            section, key, kind = known[name]
            value = _from_text(text, kind)
            table = data.setdefault(section, {}) if section else data
            table[key] = value
            sources[f"{section}.{key}" if section else key] = where
            continue
        names = [f"{ENVIRONMENT_PREFIX}{each.upper()}" for each in known]
        if name in ONLY_BY_FLAG:
            problems.append(Problem("this can only be given as a flag", where, f"use --{name.replace('_', '-')}"))
        elif any(name.startswith(f"{section}_") for section, cls in SECTIONS.items() if cls is None):
            problems.append(
                Problem("this table cannot be set by a variable", where, "write it into a configuration file")
            )
        elif section := next((section for section in SECTIONS if name.startswith(f"{section}_")), ""):
            inside = [each for each in names if each.startswith(f"{ENVIRONMENT_PREFIX}{section.upper()}_")]
            problems.append(Problem(f"[{section}] has no such key", where, suggestion(variable, inside)))
        elif matches := get_close_matches(name, known, n=1, cutoff=0.85):
            meant = f"{ENVIRONMENT_PREFIX}{matches[0].upper()}"
            warnings.append(f"{where} means nothing here: did you mean {meant}?")
    return Layer(name="environment", data=data, sources=sources), warnings, problems


def _environment_keys() -> dict[str, tuple[str, str, Any]]:
    """Lower-case rest of a variable's name -> section, key, type."""
    keys: dict[str, tuple[str, str, Any]] = {}
    hints = get_type_hints(Config)
    for key in top_level_keys():
        if key not in SECTIONS and key not in ONLY_BY_FLAG | ONLY_FROM_PYTHON:
            keys[key] = ("", key, hints[key])
    for section, cls in SECTIONS.items():
        if cls is not None and section != "workflow":
            hints = get_type_hints(cls)
            keys.update(
                {f"{section}_{each.name}": (section, each.name, hints[each.name]) for each in attrs.fields(cls)}
            )
    return keys


def _from_text(text: str, kind: Any) -> Any:
    """The value a variable's text means for a key of that type; the text itself when it means none (it is refused later)."""
    kinds = get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)
    text = text.strip()
    if any(get_origin(each) is tuple for each in kinds):
        return [part.strip() for part in text.split(",") if part.strip()]
    if bool in kinds:
        return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}.get(text.lower(), text)
    for number in (int, float):
        if number in kinds:
            try:
                return number(text)
            except ValueError:
                return text
    return text


# --- files ----------------------------------------------------------------------------------------------------------


def _read(path: Path) -> bytes | None:
    try:
        # Without O_NONBLOCK a named pipe that a clone brings along would hang the program.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise ConfigError(
                    Problem("it is not a regular file", str(path), "remove it or write a TOML file there")
                )
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(
            Problem(f"it cannot be read: {error.strerror}", str(path), "check its permissions")
        ) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(Problem(f"it is larger than {MAX_BYTES} bytes", str(path), "a configuration is smaller"))
    return data


def _decode(path: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(Problem("it is not UTF-8 text", f"{path}:{line}", "save it as UTF-8")) from error


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        where = f"{path}:{place[1]}" if place else str(path)
        what = message[: place.start()] if place else message
        raise ConfigError(Problem(f"it is not TOML: {what}", where, "mend that line")) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(Problem("a value in it is too large or nested too deeply", str(path))) from error


def _lines(path: Path, text: str) -> dict[str, str]:
    """Path of each key -> ``file:line``, as far as a look at single lines shows it."""
    places: dict[str, str] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            parts = tuple(_key_parts(stripped.lstrip("[")))
            if parts:
                table = parts
                places.setdefault(".".join(parts), f"{path}:{number}")
        elif "=" in stripped and not stripped.startswith("#"):
            parts = (*table, *_key_parts(stripped))
            for length in range(len(table) + 1, len(parts) + 1):
                places.setdefault(".".join(parts[:length]), f"{path}:{number}")
    return places


def _key_parts(text: str) -> Iterator[str]:
    position = 0
    while match := _KEY_PART.match(text, position):
        yield next(group for group in match.groups() if group is not None)
        position = match.end()
        if text[position : position + 1] != ".":
            return
        position += 1
