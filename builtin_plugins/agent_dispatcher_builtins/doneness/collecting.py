"""Tests can also be weakened without touching them: by configuration that leaves them out, or changes how they end.

Of files that hold more than that (``pyproject.toml``, ``package.json``) only the options of the tools that run tests are looked at.
"""

from __future__ import annotations

import configparser
import fnmatch
import json
import posixpath
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence

from attrs import frozen

from agent_dispatcher.extension import Objection

from .selecting import asks_for_marks, covers, leaves_out

__all__ = ["Standing", "asks_for_marks_of", "configures", "loosened", "options_of", "reset"]

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
_ELSEWHERE = re.compile(
    r"(?i)testPathIgnorePatterns\b|--passWithNoTests\b|passWithNoTests\b|--test-(?:skip|name)-pattern\b|--test-only\b|\bexclude\b|\btestNamePattern\b|\bgrep\b|\|\|\s*(?:true|exit 0|:)"
)
_ROOTS = frozenset((".", "./", "tests", "tests/", "./tests", "test", "test/", "./test"))
#: What is collected anyway.
_FILES = ("test_*.py", "*_test.py")
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
#: Folders in which nobody keeps tests, as the runners of JavaScript are told of them: alone, and in a line of a program.
_NO_TESTS = re.compile(
    r"(?:<rootDir>)?(?:[/\\^]|\*\*/)*(?:node_modules|dist|build|coverage|out|\.next|\.nuxt|\.git|\.cache|cypress)[/\\$*]*"
)
_NOT_TESTS = re.compile(
    rf"(?:exclude|testPathIgnorePatterns)\s*:\s*\[\s*(?:(?:\.\.\.(?:configDefaults\.exclude|defaultExclude)|[\"'`]{_NO_TESTS.pattern}[\"'`])\s*+,?\s*+)*\]\s*+,?"
)
#: Options that anybody may set.
_HARMLESS = re.compile(r"(?:.*\.)?(?:markers|minversion|pythonpath|source|source_pkgs|branch)")


@frozen(kw_only=True)
class Standing:
    """The tests that options may leave out.

    Attributes:
        now: the files of tests of the result; ``None`` when nobody can tell.
        before: those of them that were there before; ``None`` when nobody can tell.
        moved: new path to old, of those that stood elsewhere.
        marks: each of ``before`` to the words by which its tests may be marked; ``None`` when nobody can tell.
        options: options that stood before in another file of configuration, and do not any more, by their plain names.
    """

    now: Sequence[str] | None = None
    before: Sequence[str] | None = None
    moved: Mapping[str, str] = {}
    marks: Mapping[str, frozenset[str]] | None = None
    options: Mapping[str, str] = {}


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


def loosened(path: str, before: str | None, after: str, standing: Standing) -> list[Objection]:
    """What a file of configuration says now, and did not before, by which tests are left out or their outcome is changed.

    Where it is known which tests there are, options that leave out only what lies elsewhere are let be.
    """
    old, new = options_of(path, before) or {}, options_of(path, after)
    if new is None:
        return [_objection(path, "it cannot be read")]
    known = set(old.values()) if _SCRIPTS.fullmatch(posixpath.basename(path)) else set()
    strict = any(key.endswith("filterwarnings") and "error" in value for key, value in old.items())
    found = []
    for key, value in new.items():
        was = old.get(key, standing.options.get(key.rpartition(".")[2]))
        if was == value or value in known or not (why := _leaves_out(key, value, was, standing, strict)):
            continue
        said = f"{key} = {' '.join(value.split())[:160]!r}" if not key.isdigit() else repr(value[:160])
        found.append(_objection(path, said if why is True else f"{said}: {why}"))
    return found


def asks_for_marks_of(path: str, before: str | None, after: str | None) -> bool:
    """Whether a file of configuration chooses tests by their marks, and otherwise than before."""
    old, new = options_of(path, before) or {}, options_of(path, after) or {}
    return any(
        key.rpartition(".")[2] == "addopts" and asks_for_marks(old.get(key, ""), value) for key, value in new.items()
    )


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


def _leaves_out(key: str, value: str, was: str | None, standing: Standing, strict: bool) -> bool | str:
    """Whether tests may be left out by an option, and why where there is more to say than what it is."""
    last = key.rpartition(".")[2]
    if last == "addopts":
        return leaves_out(was or "", value, standing.before, standing.marks, strict=strict)
    if last == "testpaths":
        return _loses(value.split(), (was or "").split(), standing)
    if last == "python_files" and standing.before:
        patterns, earlier = value.split(), (was or "").split() or _FILES
        return any(
            _matches(posixpath.basename(path), earlier) and not _matches(posixpath.basename(path), patterns)
            for path in standing.before
        )
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
    if _NOT_TESTS.fullmatch(value.strip()) or (last == "testPathIgnorePatterns" and _all_no_tests(value.split("\n"))):
        return False
    return _ELSEWHERE.search(value) is not None or _ELSEWHERE.search(key) is not None


def _all_no_tests(places: Sequence[str]) -> bool:
    return all(_NO_TESTS.fullmatch(each.strip()) for each in places)


def _loses(places: Sequence[str], earlier: Sequence[str], standing: Standing) -> bool | str:
    """Whether a test is not below one of some paths that was below one of those there were."""
    if standing.before:
        lost = [
            path
            for path in standing.before
            if (not earlier or covers(earlier, [standing.moved.get(path, path)])) and not covers(places, [path])
        ]
        return f"{lost[0]} was there before, and is not below them" if lost else False
    if set(places) & _ROOTS:
        return False
    if standing.now is None:
        return True
    plain = [each.removeprefix("./").rstrip("/") for each in places]
    if not standing.now:
        return not all(each.startswith(("tests/", "test/")) for each in plain)
    return not covers(plain, standing.now)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, each) for each in patterns)


def _flat(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list):
            words = list(map(str, value))
            yield f"{prefix}{key}", shlex.join(words) if key == "addopts" else "\n".join(words)
        else:
            yield f"{prefix}{key}", str(value)
