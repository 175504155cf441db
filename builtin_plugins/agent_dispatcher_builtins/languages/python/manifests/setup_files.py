"""``setup.cfg``, and what stands in ``setup.py`` as literals. No line of it is run: what it works out while it runs is not known, and said."""

from __future__ import annotations

import ast
import configparser
import re
import warnings
from collections.abc import Iterable, Iterator
from itertools import chain

from attrs import evolve

from agent_dispatcher.errors import Unavailable

from .manifest import Entry, Manifest, line_of, sets

__all__ = ["setup_cfg", "setup_py"]

_FROM_FILES = "file:"
_WORKED_OUT = re.compile(r"(attr|file)\s*:")
_TESTS = "tests"
_COMMENT = re.compile(r"(^|\s)#.*$")


def setup_cfg(file: str, text: str) -> Manifest:
    """``[options]`` and ``[options.extras_require]``; ``tests_require`` is the group ``tests``.

    Raises:
        Unavailable: it cannot be read.
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        said = str(error).splitlines()[0]
        raise Unavailable(f"the dependencies cannot be read: {file}: {said}", f"mend {file}") from error

    def read(section: str, key: str) -> tuple[Entry, ...]:
        where = line_of(file, text, key, [section])
        return tuple(Entry(each, where) for each in _listed(_value(parser, section, key)))

    section, points = "options.extras_require", "options.entry_points"
    return Manifest(
        name=_value(parser, "metadata", "name").strip(),
        version="" if _WORKED_OUT.match(version := _value(parser, "metadata", "version").strip()) else version,
        entry_points={key: _entry_points(_listed(_value(parser, points, key) + "\n")) for key in _keys(parser, points)},
        dependencies=read("options", "install_requires"),
        extras=sets((key, read(section, key)) for key in _keys(parser, section)),
        groups=sets([(_TESTS, read("options", "tests_require"))]),
    )


def _keys(parser: configparser.ConfigParser, section: str) -> list[str]:
    return [key for key in parser[section] if key not in parser.defaults()] if parser.has_section(section) else []


def _entry_points(lines: Iterable[str]) -> dict[str, str]:
    split = (line.partition("=") for line in lines)
    return {name.strip(): place.strip() for name, _, place in split if place}


def _parted(
    extras: Iterable[tuple[str, tuple[Entry, ...]]],
) -> tuple[tuple[Entry, ...], dict[str, tuple[Entry, ...]]]:
    """What is needed anyway, and the extras: the name of one may be, or end in, a condition (``:python_version < '3.8'``)."""
    found = []
    for key, entries in extras:
        name, _, marker = key.partition(":")
        found.append((name.strip(), [_on(marker.strip(), each) for each in entries] if marker else entries))
    return tuple(each for name, entries in found if not name for each in entries), sets((n, e) for n, e in found if n)


def _on(marker: str, entry: Entry) -> Entry:
    text, _, condition = entry.text.partition(";")
    both = f"({condition.strip()}) and ({marker})" if condition else marker
    return evolve(entry, text=f"{text.strip()} ; {both}") if text else entry


def _value(parser: configparser.ConfigParser, section: str, key: str) -> str:
    try:
        return parser.get(section, key, fallback="")
    except configparser.InterpolationError:
        return parser.get(section, key, raw=True)


def _listed(value: str) -> list[str]:
    """A line or what is between semicolons is an entry; ``file:`` names requirement files, with commas between them."""
    if value.strip().startswith(_FROM_FILES):
        files = value.strip().removeprefix(_FROM_FILES).replace("\n", ",").split(",")
        return [f"-r {each.strip()}" for each in files if each.strip()]
    parts = value.splitlines() if "\n" in value else value.split(";")
    parts = [_COMMENT.sub("", each).strip() for each in parts]
    return [each for each in parts if each]


def setup_py(file: str, text: str) -> Manifest:
    """What the call of ``setup`` says in literals, and in names that are given literals once."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Manifest(notes=(f"{file}: not Python as this version reads it; {_REMEDY}",))
    call = next((node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_setup(node.func)), None)
    if call is None:
        return Manifest(
            notes=(f"{file}: no call of setup() is there; {_REMEDY}",) if "install_requires" in text else ()
        )
    return _Literals(file, tree).manifest(call)


_REMEDY = "what it asks for is not known: name it in packages, or declare it in pyproject.toml"


def _not_run(what: str) -> str:
    return f"{what} is worked out by a program, which is not run; {_REMEDY}"


def _is_setup(function: ast.expr) -> bool:
    return (isinstance(function, ast.Name) and function.id == "setup") or (
        isinstance(function, ast.Attribute) and function.attr == "setup"
    )


class _Unknown(Exception):
    """A program would have to be run to know it."""


#: Names may stand for sums of others, and those for sums of others: so far they are followed, in a whole file.
_MOST_STEPS = 20_000


class _Literals:
    """What can be told of a file without running it."""

    def __init__(self, file: str, tree: ast.Module) -> None:
        self._file = file
        self._notes: list[str] = []
        self._steps = 0
        self._given: dict[str, ast.expr | None] = {}
        for node in ast.walk(tree):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            for name in (each.id for each in targets if isinstance(each, ast.Name)):
                known = isinstance(node, ast.Assign | ast.AnnAssign) and name not in self._given and node in tree.body
                self._given[name] = node.value if known and isinstance(node, ast.Assign | ast.AnnAssign) else None
            changed = node.func if isinstance(node, ast.Call) else None  # ``NAME.append(...)``
            for each in (changed, *targets):  # ``NAME["key"] = ...``
                if isinstance(each, ast.Attribute | ast.Subscript) and isinstance(each.value, ast.Name):
                    self._given[each.value.id] = None

    def manifest(self, call: ast.Call) -> Manifest:
        """What the arguments of a call of ``setup`` say."""
        arguments = dict(self._arguments(call))
        extras, unknown = self._extras(arguments.get("extras_require"))
        needed, named = _parted(extras)
        return Manifest(
            name=self._text(arguments.get("name")),
            version=self._text(arguments.get("version")),
            entry_points=self._entry_points(arguments.get("entry_points")),
            dependencies=(*self._entries("install_requires", arguments.get("install_requires")), *needed),
            extras=named,
            groups=sets([(_TESTS, self._entries("tests_require", arguments.get("tests_require")))]),
            notes=(*self._notes, *unknown),
        )

    def _arguments(self, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        for each in call.keywords:
            if each.arg is not None:
                yield each.arg, each.value
                continue
            try:
                yield from self._pairs(each.value)
            except (_Unknown, RecursionError):
                self._notes.append(f"{self._file}:{each.value.lineno}: {_not_run('what ** stands for')}")

    def _extras(self, value: ast.expr | None) -> tuple[list[tuple[str, tuple[Entry, ...]]], list[str]]:
        try:
            pairs = [] if value is None else self._pairs(value)
        except (_Unknown, RecursionError):
            assert value is not None
            return [], [f"{self._file}:{value.lineno}: {_not_run('extras_require')}"]
        return [(key, self._entries(f"extras_require[{key!r}]", each)) for key, each in pairs], []

    def _entries(self, what: str, value: ast.expr | None) -> tuple[Entry, ...]:
        if value is None:
            return ()
        try:
            return tuple(self._texts(value))
        except (_Unknown, RecursionError):
            return (Entry("", f"{self._file}:{value.lineno}", unsaid=_not_run(what)),)

    def _text(self, value: ast.expr | None) -> str:
        value = self._given.get(value.id) if isinstance(value, ast.Name) else value
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""

    def _entry_points(self, value: ast.expr | None) -> dict[str, dict[str, str]]:
        try:
            groups = [] if value is None else self._pairs(value)
            return {group: _entry_points(each.text for each in self._texts(lines)) for group, lines in groups}
        except (_Unknown, RecursionError):
            return {}

    def _texts(self, value: ast.expr) -> Iterator[Entry]:
        self._step()
        match value:
            case ast.Constant(value=str() as text):
                yield from (Entry(each, f"{self._file}:{value.lineno}") for each in _listed(text + "\n"))
            case ast.Constant(value=None):
                return
            case ast.List(elts=parts) | ast.Tuple(elts=parts) | ast.Set(elts=parts):
                yield from chain.from_iterable(map(self._texts, parts))
            case ast.Starred(value=inner):
                yield from self._texts(inner)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                yield from chain(self._texts(left), self._texts(right))
            case ast.Subscript(value=ast.Name() as name, slice=ast.Constant(value=str() as key)):
                found = dict(self._pairs(name)).get(key)
                if found is None:
                    raise _Unknown
                yield from self._texts(found)
            case ast.Name(id=name):
                yield from self._texts(self._of_name(name))
            case _:
                raise _Unknown

    def _step(self, more: int = 1) -> None:
        self._steps += more
        if self._steps > _MOST_STEPS:
            raise _Unknown

    def _pairs(self, value: ast.expr) -> list[tuple[str, ast.expr]]:
        self._step()
        match value:
            case ast.Dict(keys=keys, values=values):
                found = []
                for key, each in zip(keys, values, strict=True):
                    if key is None:
                        found += self._pairs(each)
                        self._step(len(found))
                    elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                        found.append((key.value, each))
                    else:
                        raise _Unknown
                return found
            case ast.Call(func=ast.Name(id="dict"), args=[], keywords=keywords) if all(each.arg for each in keywords):
                return [(each.arg or "", each.value) for each in keywords]
            case ast.Name(id=name):
                return self._pairs(self._of_name(name))
            case _:
                raise _Unknown

    def _of_name(self, name: str) -> ast.expr:
        given = self._given.get(name)
        if given is None:
            raise _Unknown
        return given
