"""Reads the drawings of folders that design documents hold: which files there are to be."""

from __future__ import annotations

import posixpath
import re

from attrs import frozen

__all__ = ["StatedFile", "is_manifest", "is_test", "read_tree"]

_BRANCH = re.compile(r"^(?P<indent>[\s│|]*)(?:[├└]─*|[|+`]-{1,3})\s*(?P<rest>\S.*)$")
_NAME = re.compile(r"^(?P<name>[\w.@()\[\]{}+-]+(?:/[\w.@()\[\]{}+-]+)*/?)(?:\s+(?P<comment>.*))?$")
#: Roots that stand for the repository itself.
_ROOTS = re.compile(r"^(?:\.|repo(?:sitory)?|root|project(?:[-_]root)?|<[^>]*>|\[[^\]]*\])$", re.IGNORECASE)
_MANIFESTS = re.compile(
    r"^(?:package\.json|pyproject\.toml|setup\.(?:py|cfg)|requirements[\w-]*\.txt|Cargo\.toml|go\.mod|pom\.xml|(?:build|settings)\.gradle(?:\.kts)?"
    r"|[\w.-]+\.(?:csproj|sln|gemspec|cabal)|Gemfile|composer\.json|pubspec\.yaml|mix\.exs|Package\.swift|CMakeLists\.txt|meson\.build|tsconfig[\w.]*\.json"
    r"|\.gitignore|\.editorconfig|[\w.-]*\.config\.(?:js|ts|mjs|cjs)|Makefile)$"
)
_TEST = re.compile(
    r"(?:^|/)(?:tests?|__tests__|specs?|e2e|androidTest)/|(?:^|/)(?:test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|Tests?|Spec))\.\w+$"
)
_LEFT_ALONE = re.compile(r"\b(?:existing|unchanged|already (?:there|exists)|auto-?generated)\b", re.IGNORECASE)
_CHANGED = re.compile(
    r"\b(?:modif|refactor|mov(?:e|ed)\b|extend|updat|add(?:s|ed)?\b|new\b|chang(?:e|ed)\b)", re.IGNORECASE
)
_MOST = 400


@frozen
class StatedFile:
    """A file that a document says there is to be.

    Attributes:
        path: relative to the repository, ``/`` separated.
        about: what the document says about it beside its name.
        source: ``file:line``.
    """

    path: str
    about: str
    source: str

    @property
    def stem(self) -> str:
        """The name without folders and endings."""
        return posixpath.basename(self.path).split(".")[0]

    @property
    def stays(self) -> bool:
        """Whether the document says that it is there and nobody has to touch it."""
        return bool(_LEFT_ALONE.search(self.about)) and not _CHANGED.search(self.about)


def is_manifest(path: str) -> bool:
    """Whether it is a file that sets a project up rather than one with the product in it."""
    return bool(_MANIFESTS.match(posixpath.basename(path)))


def is_test(path: str) -> bool:
    """Whether a file holds tests, by the habits of many languages."""
    return bool(_TEST.search(path))


def read_tree(text: str, page: str, line: int, *, repository: str = "") -> list[StatedFile]:
    """The files of a drawn tree, in its order; empty when it draws none, or only alternatives to choose from.

    Args:
        text: what stands in the fence.
        page, line: where its first line is.
        repository: a name that stands for the repository when the tree begins with it.
    """
    if "[REMOVE IF UNUSED]" in text:
        return []
    rows = [_row(each) for each in text.split("\n")]
    if not any(row and row[0] for row in rows):
        return []
    found: list[StatedFile] = []
    above: list[tuple[int, str]] = []
    for number, row in enumerate(rows):
        if row is None:
            continue
        depth, name, comment = row
        while above and above[-1][0] >= depth:
            above.pop()
        if depth == 0:
            above.clear()
            name = "" if _ROOTS.match(name.rstrip("/")) or name.rstrip("/") == repository else name
        deeper = next((each[0] for each in rows[number + 1 :] if each), 0) > depth
        if name.endswith("/") or deeper or not name:
            above.append((depth, name.rstrip("/")))
        elif "." in posixpath.basename(name).strip(".") or is_manifest(name):
            path = "/".join([*(each for _, each in above if each), name])
            if len(found) < _MOST and ".." not in path.split("/"):
                found.append(StatedFile(path, comment, f"{page}:{line + number}"))
    return found


def _row(line: str) -> tuple[int, str, str] | None:
    """Depth (0 for a root), name and comment of a line of a tree."""
    branch = _BRANCH.match(line)
    rest = (branch["rest"] if branch else line).strip()
    match = _NAME.match(rest)
    if not match or set(match["name"]) <= {"."} or (branch is None and not match["name"].endswith("/")):
        return None
    comment = (match["comment"] or "").strip().lstrip("#/-—<← ").strip()
    return (0 if branch is None else 1 + len(branch["indent"]), match["name"], comment)
