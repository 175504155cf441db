"""Tests can also be weakened without touching them: by configuration that leaves them out, or changes how they end.

Of files that hold more than that (``pyproject.toml``, ``package.json``) only the options of the tools that run tests are looked at.
"""

from __future__ import annotations

import configparser
import fnmatch
import json
import posixpath
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from agent_dispatcher.extension import Objection

__all__ = ["configures", "loosened", "options_of", "reset"]

_INI = frozenset(("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", ".coveragerc"))
_TOML = frozenset(("pyproject.toml", "pytest.toml", ".pytest.toml"))
_SCRIPTS = re.compile(
    r"(?:jest|vitest|ava)\.(?:config|workspace)\.\w+|\.mocharc(?:\.\w+)?|\.c8rc(?:\.json)?|\.nycrc(?:\.json)?"
)
_SECTIONS = re.compile(r"pytest|tool:pytest|coverage:.*|run|report")
_PACKAGE = ("jest", "vitest", "mocha", "ava", "c8", "nyc")
#: Options that leave tests out by themselves, whatever they say.
_LEAVING = re.compile(
    r"(?:.*\.)?(?:python_files|python_functions|python_classes|norecursedirs|collect_ignore\w*|usefixtures|omit|confcutdir)"
)
_FLAGS = re.compile(
    r"(?:^|\s)(?:-[kmco]|-p(?!\s*no:cacheprovider)|--(?:deselect|ignore|ignore-glob|continue-on-collection-errors|co|collect-only|noconftest|runxfail"
    r"|setup-only|setup-plan|override-ini|rootdir|confcutdir|lf|last-failed|pyargs|config-file)(?![\w-]))"
)
_ELSEWHERE = re.compile(
    r"(?i)testPathIgnorePatterns\b|--passWithNoTests\b|passWithNoTests\b|--test-(?:skip|name)-pattern\b|--test-only\b|\bexclude\b|\btestNamePattern\b|\bgrep\b|\|\|\s*(?:true|exit 0|:)"
)
_ROOTS = frozenset((".", "./", "tests", "tests/", "./tests", "test", "test/", "./test"))
#: What is collected anyway.
_USUAL = {
    "python_files": {"test_*.py"},
    "python_functions": {"test", "test_*", "test*"},
    "python_classes": {"Test", "Test*"},
}
#: What is not meant by what tests and measures: folders without tests of one's own, and tests, where it is what code they reach that is measured.
_NOT_MEANT = {
    "norecursedirs": re.compile(r"\.[\w*]+|\*\.egg|_darcs|CVS|\{arch\}|node_modules|build|dist|venv|env|__pycache__"),
    "omit": re.compile(
        r"(?:\*\*?/|\./)?(?:tests?/\**(?:/\*)?|conftest\.py|test_\*\.py|\.?venv/\**|__main__\.py|setup\.py|site-packages/\*)"
    ),
}
#: Options that anybody may set.
_HARMLESS = re.compile(r"(?:.*\.)?(?:markers|minversion|pythonpath|source|source_pkgs|branch)")


def configures(path: str) -> bool:
    """Whether a file may say how tests are run."""
    name = posixpath.basename(path)
    return name in _INI or name in _TOML or name == "package.json" or _SCRIPTS.fullmatch(name) is not None


def options_of(path: str, text: str | None) -> dict[str, str] | None:
    """Option to value, of what runs tests; ``None`` when the file cannot be read."""
    name = posixpath.basename(path)
    if text is None:
        return {}
    try:
        if name in _TOML:
            data = tomllib.loads(text)
            tools = data if name != "pyproject.toml" else data.get("tool", {})
            return dict(_flat({each: tools[each] for each in ("pytest", "coverage") if each in tools}))
        if name in _INI:
            parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
            parser.read_string(text)
            sections = {each: parser[each] for each in parser.sections() if _SECTIONS.fullmatch(each)}
            return {
                f"{each}.{key}": str(value or "") for each, found in sections.items() for key, value in found.items()
            }
        if name == "package.json":
            data = json.loads(text)
            scripts = data.get("scripts", {})
            found = {each: data[each] for each in _PACKAGE if each in data}
            return dict(_flat({**found, "scripts": {key: scripts[key] for key in scripts if "test" in key}}))
    except (ValueError, configparser.Error, AttributeError, TypeError, RecursionError):
        return None
    return {str(number): line.strip() for number, line in enumerate(text.splitlines()) if line.strip()}


def loosened(path: str, before: str | None, after: str, tests: Sequence[str] | None = None) -> list[Objection]:
    """What a file of configuration says now, and did not before, by which tests are left out or their outcome is changed.

    Where the files of ``tests`` are known, paths of tests leave out only what lies elsewhere.
    """
    old, new = options_of(path, before) or {}, options_of(path, after)
    if new is None:
        return [_objection(path, "it cannot be read")]
    known = set(old.values()) if _SCRIPTS.fullmatch(posixpath.basename(path)) else set()
    return [
        _objection(path, f"{key} = {' '.join(value.split())[:160]!r}" if not key.isdigit() else repr(value[:160]))
        for key, value in new.items()
        if old.get(key) != value and value not in known and _leaves_out(key, value, tests)
    ]


def reset(path: str, before: str | None, after: str | None) -> list[Objection]:
    """The options that were there, and are others now: for whoever does not own the file."""
    old, new = options_of(path, before), options_of(path, after)
    if not old:
        return []
    if new is None:
        return [_objection(path, "it cannot be read any more")]
    return [
        _objection(
            path, f"{key} was {' '.join(value.split())[:120]!r}, and is {' '.join(new.get(key, '').split())[:120]!r}"
        )
        for key, value in old.items()
        if new.get(key) != value and not _HARMLESS.fullmatch(key)
    ]


def _objection(path: str, what: str) -> Objection:
    return Objection(kind="weakened", path=path, what=f"tests may be left out by it: {what}")


def _leaves_out(key: str, value: str, tests: Sequence[str] | None) -> bool:
    last = key.rpartition(".")[2]
    if last in _USUAL and set(value.split()) & _USUAL[last]:
        return False
    if (
        last in _NOT_MEANT
        and value.split()
        and all(map(_NOT_MEANT[last].fullmatch, re.split(r"[\s,]+", value.strip())))
    ):
        return False
    if _LEAVING.fullmatch(key):
        return True
    if last == "testpaths":
        return not set(value.split()) & _ROOTS and not _covers(value.split(), tests)
    if last == "addopts":
        return _FLAGS.search(value) is not None
    return _ELSEWHERE.search(value) is not None or _ELSEWHERE.search(key) is not None


def _covers(places: Sequence[str], tests: Sequence[str] | None) -> bool:
    """Whether all tests lie below one of some paths, which may be patterns."""
    plain = [each.removeprefix("./").rstrip("/") for each in places]
    if tests is None:
        return False
    if not tests:
        return all(each.startswith(("tests/", "test/")) for each in plain)
    return all(
        any(fnmatch.fnmatchcase(path, each) or fnmatch.fnmatchcase(path, f"{each}/*") for each in plain)
        for path in tests
    )


def _flat(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            yield f"{prefix}{key}", "\n".join(map(str, value))
        else:
            yield f"{prefix}{key}", str(value)
