"""What the configuration of a tree's tests cannot do without: plugins of pytest that its options and settings belong to.

Known are the options of plugins in wide use. An option that a ``conftest.py`` of the tree defines under the same name is taken for the plugin's: then that
is only said to be missing, and nothing is refused.
"""

from __future__ import annotations

import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from attrs import frozen

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .manifests.manifest import table

__all__ = ["Need", "needs"]

#: How options of plugins begin -> the package.
_OPTIONS = {
    "--alluredir": "allure-pytest",
    "--asyncio-mode": "pytest-asyncio",
    "--benchmark-": "pytest-benchmark",
    "--cov": "pytest-cov",
    "--create-db": "pytest-django",
    "--disable-socket": "pytest-socket",
    "--dist": "pytest-xdist",
    "--doctest-plus": "pytest-doctestplus",
    "--ds=": "pytest-django",
    "--html": "pytest-html",
    "--mpl": "pytest-mpl",
    "--mypy": "pytest-mypy",
    "--nomigrations": "pytest-django",
    "--no-cov": "pytest-cov",
    "--no-migrations": "pytest-django",
    "--numprocesses": "pytest-xdist",
    "--random-order": "pytest-random-order",
    "--randomly-": "pytest-randomly",
    "--record-mode": "pytest-recording",
    "--reruns": "pytest-rerunfailures",
    "--reuse-db": "pytest-django",
    "--snapshot-": "syrupy",
    "--timeout": "pytest-timeout",
    "-n": "pytest-xdist",
}
#: Settings of plugins -> the package.
_SETTINGS = {
    "anyio_mode": "anyio",
    "asyncio_default_fixture_loop_scope": "pytest-asyncio",
    "asyncio_default_test_loop_scope": "pytest-asyncio",
    "asyncio_mode": "pytest-asyncio",
    "django_find_project": "pytest-django",
    "DJANGO_SETTINGS_MODULE": "pytest-django",
    "mock_use_standalone_module": "pytest-mock",
    "qt_api": "pytest-qt",
    "timeout": "pytest-timeout",
    "timeout_method": "pytest-timeout",
    "trio_mode": "pytest-trio",
}
#: Names of plugins for ``-p`` that are not the package's without ``pytest-``.
_PLUGINS = {"anyio": "anyio", "syrupy": "syrupy", "hypothesis": "hypothesis", "allure_pytest": "allure-pytest"}
_KNOWN_PLUGINS = frozenset(each.removeprefix("pytest-") for each in {*_OPTIONS.values(), *_SETTINGS.values()})


@frozen
class Need:
    """A package that the tests are configured for.

    Attributes:
        package: its normalized name.
        where: the file.
        why: the option or setting.
    """

    package: str
    where: str
    why: str


def needs(folder: GuardedFolder) -> tuple[Need, ...]:
    """What the configuration needs, which is in the first file that has one, as pytest looks for it; what cannot be read needs nothing."""
    file, values = _configuration(folder)
    found: dict[str, Need] = {}
    for package, why in (*_of_options(values.get("addopts")), *_of_settings(values)):
        found.setdefault(package, Need(package, file, why))
    return tuple(found.values())


def _configuration(folder: GuardedFolder) -> tuple[str, dict[str, Any]]:
    for file, section in (("pytest.ini", "pytest"), (".pytest.ini", "pytest"), ("pyproject.toml", ""), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):  # fmt: skip
        with suppress(FileNotFoundError, PathRefused, ValueError, RecursionError, configparser.Error):
            text = folder.read_text(file)
            if not section:
                pytest = table(tomllib.loads(text), "tool", "pytest")
                values = table(pytest, "ini_options") or {
                    key: each for key, each in pytest.items() if key != "ini_options"
                }
            else:
                parser = configparser.RawConfigParser(strict=False)
                parser.optionxform = str  # type: ignore[method-assign,assignment]
                parser.read_string(text)
                values = dict(parser[section]) if parser.has_section(section) else {}
            if values or file == "pytest.ini":
                return file, values
    return "", {}


def _of_options(value: object) -> Iterator[tuple[str, str]]:
    try:
        options = shlex.split(value, comments=True) if isinstance(value, str) else value
    except ValueError:
        return
    before = ""
    for option in options if isinstance(options, list) else ():
        if not isinstance(option, str):
            continue
        plugin = option if before == "-p" else option.removeprefix("-p") if re.match(r"-p[a-z]", option) else ""
        if package := _plugin(plugin):
            yield package, f"-p {plugin}"
        elif before != "-p" and (package := next((p for start, p in _OPTIONS.items() if _begins(option, start)), "")):
            yield package, option
        before = option


def _begins(option: str, start: str) -> bool:
    if start == "-n":
        return re.fullmatch(r"-n(\d+|auto|logical)?", option) is not None
    return option.startswith(start)


def _plugin(name: str) -> str:
    short = name.removeprefix("pytest_").replace("_", "-").partition(".")[0]
    if name.partition(".")[0] in _PLUGINS:
        return _PLUGINS[name.partition(".")[0]]
    return f"pytest-{short}" if short in _KNOWN_PLUGINS else ""


def _of_settings(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    for name, package in _SETTINGS.items():
        if name in values:
            yield package, name
    required = values.get("required_plugins", "")
    for each in required.split() if isinstance(required, str) else required if isinstance(required, list) else ():
        with suppress(InvalidRequirement, TypeError):
            yield canonicalize_name(Requirement(each).name), "required_plugins"
