"""Whether tests of JavaScript and TypeScript could notice that files were added. Files are read, never run.

From the tests, and from what configures them, everything is followed that they could load: a relative name leads to the files that node, TypeScript or a
bundler would take for it (``./a`` to ``a.js``, ``a.ts``, ``a/index.js``, ...), every other text to all files whose name is a word in it, whatever paths, aliases,
workspaces and ``exports`` make of it. An added file is noticed when

- it is taken by its *name*: a test, configuration, ``package.json``, a mock, a declaration of types, the ``index`` of a package;
- something that is reached *refers* to it, also in place of a file that it took before;
- something that is reached may *come upon* it: it lists files, runs programs, loads by names that it makes up, names a folder or a pattern the file is in.

What no test reaches, a script for building say, may do all that. In doubt a file is noticed.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable, Sequence, Set
from pathlib import Path, PurePosixPath

from attrs import define, field

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .exports import ENDINGS
from .globbing import covers
from .literals import References
from .manifests import is_configuration
from .references import references

__all__ = ["reaches_tests"]

_TAKEN_BY_NAME = re.compile(
    r"package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-.*|bun\.lockb?|.*\.(?:config|setup|workspace)\.\w+|setupTests\..*|.*\.d\.[mc]?ts|.*\.(?:node|wasm|snap)"
)
_FOLDERS_OF_TESTS = frozenset(
    ("test", "tests", "__tests__", "spec", "specs", "e2e", "__mocks__", "__snapshots__", "__fixtures__")
)
#: Configuration of programs that no test runner loads; it counts when something that is reached names the program.
_OF_OTHERS = frozenset(
    (
        *("eslint", "prettier", "commitlint", "lint-staged", "stylelint", "typedoc", "knip", "renovate", "release"),
        *("tsup", "tsdown", "rollup", "postcss", "tailwind", "size-limit", "svgo"),
    )
)
_HIDDEN = re.compile(r"\.(?:babel|mocha|swc|tap|jest)rc\b")
_AROUND = re.compile(r"^(?:\.{0,2}/)+|/+$")
_MIME = re.compile(r"(?:image|text|application|audio|video|font|multipart)/\*")
_TYPED = (".ts", ".mts", ".cts", ".tsx")
_MOST_BYTES = 1024**2
_MOST_FILES = 5000
#: How many texts are remembered by their names and digests.
_MOST_REMEMBERED = 4 * _MOST_FILES
_remembered: dict[tuple[str, bytes], References] = {}


def reaches_tests(added: Sequence[str], tree: Path, is_test: Callable[[str], bool]) -> str:
    """See :class:`agent_dispatcher.extension.components.Reaching`.

    Args:
        is_test: whether the runner takes a path for a test.
    """
    folder = GuardedFolder(tree, max_bytes=_MOST_BYTES)
    new = frozenset(added)
    there = [path for path in folder.files() if path not in new and "node_modules" not in path.split("/")]
    if len(there) > _MOST_FILES:
        return "there are too many files to look through"
    packages = {posixpath.dirname(path) for path in there if posixpath.basename(path) == "package.json"}
    typed = any(path.endswith(_TYPED) for path in there)
    for path in sorted(new):
        why = _by_itself(path, packages, typed, is_test)
        if why:
            return f"{path} {why}"
    return _Search(folder, _Files.of(there), _Files.of(sorted(new))).from_(
        path for path in there if is_test(path) or _is_root(path)
    )


def _is_root(path: str) -> bool:
    """Whether a file counts although nothing refers to it."""
    place = PurePosixPath(path)
    hidden = _HIDDEN.match(place.name) is not None
    return (
        "__mocks__" in place.parts or hidden or (is_configuration(place.name) and _first(place.name) not in _OF_OTHERS)
    )


def _by_itself(path: str, packages: Set[str], typed: bool, is_test: Callable[[str], bool]) -> str:
    """How a file is noticed for its name and place."""
    place = PurePosixPath(path)
    code = place.suffix in ENDINGS
    hidden = any(part.startswith(".") for part in place.parts)
    if hidden or is_configuration(place.name) or _TAKEN_BY_NAME.fullmatch(place.name) or "node_modules" in place.parts:
        return "is taken for what it is called"
    if is_test(path) or (code and _FOLDERS_OF_TESTS.intersection(place.parts[:-1])):
        return "runs together with other tests"
    if _FOLDERS_OF_TESTS.intersection(place.parts[:-1]) & {"__mocks__", "__snapshots__", "__fixtures__"}:
        return "is taken for the folder it is in"
    if _first(place.name) == "index" and posixpath.dirname(path) in {"", *packages}:
        return "is what a package is loaded by"
    if place.suffix in _TYPED and not typed:
        return "is the first of TypeScript"
    if not all(re.fullmatch(r"[\w$-]+", each) for each in _names(path)):
        return "has a name that cannot be looked for"
    return ""


def _first(name: str) -> str:
    """The name of a file up to its first dot."""
    return name.partition(".")[0]


def _names(path: str) -> tuple[str, ...]:
    """The words a file can be asked for by: its own, of an ``index`` also its folder's."""
    place = PurePosixPath(path)
    own = _first(place.name)
    return (own, place.parent.name) if own == "index" and place.parent.name else (own,)


@define
class _Files:
    """Files by how they can be asked for: by place (without what is behind the first dot), as the ``index`` of a folder or its manifest, by word."""

    paths: list[str]
    at: dict[str, list[str]] = field(factory=dict)
    inside: dict[str, list[str]] = field(factory=dict)
    called: dict[str, list[str]] = field(factory=dict)

    @classmethod
    def of(cls, paths: list[str]) -> _Files:
        files = cls(paths)
        for path in paths:
            parent, name = posixpath.split(path)
            files.at.setdefault(posixpath.join(parent, _first(name)), []).append(path)
            if _first(name) == "index" or name == "package.json":
                files.inside.setdefault(parent, []).append(path)
            for word in {each for name in _names(path) for each in (name, *re.findall(r"[\w$-]+", name))}:
                files.called.setdefault(word, []).append(path)
        return files

    def taken_for(self, place: str) -> list[str]:
        """Files that a relative name, resolved to ``place``, could mean."""
        parent, name = posixpath.split(place)
        same = self.at.get(posixpath.join(parent, _first(name)), []) if name else []
        return [*same, *self.inside.get(place, [])]

    def named(self, words: Iterable[str]) -> list[str]:
        return [path for word in words if word in self.called for path in self.called[word]]


@define
class _Search:
    """Follows what is referred to until something is found that could notice a new file."""

    folder: GuardedFolder
    there: _Files
    new: _Files

    def from_(self, roots: Iterable[str]) -> str:
        waiting = sorted(roots, reverse=True)
        seen = set(waiting)
        folders = {parent for path in self.there.paths for parent in _parents(path)}
        within = {end for path in self.new.paths for parent in _parents(path) for end in _ends(parent)}
        endings = {suffix for path in self.new.paths if (suffix := PurePosixPath(path).suffix)}
        while waiting:
            path = waiting.pop()
            found = self._read(path)
            if isinstance(found, str):
                return found
            if found.unknown:
                return f"{path} may come upon new files ({found.unknown})"
            words = set(found.words)
            reached: list[str] = []
            for specifier in found.modules:
                place = _place(path, specifier)
                known = self.there.taken_for(place) if place is not None else []
                if place is not None and (hit := self.new.taken_for(place)):
                    return f"{path} names {hit[0]}"
                reached += known
                if not known:
                    words.update(re.findall(r"[\w$-]+", specifier))
            if hit := self.new.named(sorted(words)):
                return f"{path} names {hit[0]}"
            why = self._in_literals(path, found.literals, folders, within, endings)
            if why:
                return why
            reached += self.there.named(words)
            waiting += [each for each in dict.fromkeys(reached) if each not in seen]
            seen.update(reached)
        return ""

    def _read(self, path: str) -> References | str:
        """What a file refers to; a sentence when it cannot be told."""
        code = path.endswith((*ENDINGS, ".json"))
        try:
            text = self.folder.read_text(path)
        except (PathRefused, FileNotFoundError, ValueError):
            return f"{path} cannot be read" if code or path.endswith((".node", ".wasm")) else References()
        name = posixpath.basename(path)
        key = name, hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        found = _remembered.get(key)
        if found is None:
            if len(_remembered) >= _MOST_REMEMBERED:
                _remembered.clear()
            found = _remembered[key] = references(name, text)
        return found

    def _in_literals(
        self, path: str, literals: Set[str], folders: Set[str], within: Set[str], endings: Set[str]
    ) -> str:
        """Whether a pattern, a folder or an ending in a text leads to a new file."""
        configures = is_configuration(posixpath.basename(path))
        for each in sorted(literals):
            if "*" in each:
                hit = next((new for new in self.new.paths if _matches(each, new, folders)), "")
                if hit:
                    return f"{path} may come upon {hit} ({each})"
                continue
            if configures or path.endswith((".json", ".jsonc")):
                continue
            place = _AROUND.sub("", each)
            if place in within:
                return f"{path} may come upon new files (in {each})"
            for ending in endings:
                if ending in each and re.search(rf"(?:^|[^\w]|%s){re.escape(ending)}\b", each):
                    return f"{path} may make up the name of a file ({ending})"
        return ""


def _place(path: str, specifier: str) -> str | None:
    """Where a relative specifier in ``path`` leads, ``""`` for the top; ``None`` when it is not relative, or leads out."""
    if not re.match(r"\.{1,2}(?:/|$)", specifier):
        return None
    bare = re.split(r"[?#]", specifier, maxsplit=1)[0]
    place = posixpath.normpath(posixpath.join(posixpath.dirname(path), bare))
    return None if place.startswith("..") else "" if place == "." else place


def _parents(path: str) -> list[str]:
    return [parent.as_posix() for parent in PurePosixPath(path).parents][:-1]


def _ends(folder: str) -> list[str]:
    """The last names of a folder, from one to all of them."""
    parts = folder.split("/")
    return ["/".join(parts[at:]) for at in range(len(parts))]


def _matches(pattern: str, path: str, folders: Set[str]) -> bool:
    """Whether a pattern of files could mean ``path``, from whatever folder it is looked at. One whose beginning is no folder may begin with an alias."""
    if _MIME.fullmatch(pattern) or not pattern.strip("*/"):
        return pattern.endswith("**/*")
    bare = re.sub(r"^!?(?:\.{0,2}/)*", "", pattern)
    parts = bare.split("/")
    first = next((number for number, part in enumerate(parts) if re.search(r"[*?{[(]", part)), 0)
    beginning = "/".join(parts[:first])
    if (
        bare == pattern
        and beginning
        and not any(each == beginning or each.endswith(f"/{beginning}") for each in folders)
    ):
        parts = parts[first:]
    return covers("/".join(parts), path)
