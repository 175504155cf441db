"""Reading requirement files: names, versions and digests. What would come from anywhere but the user's registry is refused, with its line.

The tree itself (``-e .[test]``) comes from nowhere: only what its extras ask for is. Options of pip are passed over, and said.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from attrs import evolve, frozen
from packaging.requirements import InvalidRequirement, Requirement

from agent_dispatcher.errors import PathRefused, Unavailable
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["Asked", "Itself", "itself_in", "requirement", "requirements_of"]

_COMMENT = re.compile(r"(^|\s+)#.*$")
_HASH = re.compile(r"\s+--hash[=\s]\s*(\S+)")
_OTHER_FILE = re.compile(r"(-r|--requirement|-c|--constraint)[=\s]?\s*(\S+)")
#: Options that ask for nothing that is not done anyway.
_HARMLESS = ("--require-hashes", "--prefer-binary", "--only-binary")
#: Options that say where packages are or which will do: the user's own configuration of pip does.
_PASSED_OVER = re.compile(
    r"(-i|--index-url|--extra-index-url|--no-index|-f|--find-links|--trusted-host|--no-binary|--pre|--use-feature)(?![a-z-]).*"
)
_ITSELF = re.compile(r"((-e|--editable)[=\s]\s*)?(?P<quote>[\"']?)\./?(\[(?P<extras>[\w.,\s-]*)\])?(?P=quote)")
_MAX_FILES = 50


@frozen
class Asked:
    """A line that asks for a package.

    Attributes:
        requirement: what is asked for.
        where: file and line.
        digests: of the archives that will do, as ``sha256:...``; empty where it says none.
        constraint: it only says which version, should somebody else ask for it.
        optional: the tree can be tested without it, as with tools of development: taken where the user allows it, else passed over.
        unsaid: the versions, as they stand there, where they cannot be told to pip; the requirement has the newest of them.
    """

    requirement: Requirement
    where: str
    digests: frozenset[str] = frozenset()
    constraint: bool = False
    optional: bool = False
    unsaid: str = ""


#: What the extras of the tree itself ask for.
Itself = Callable[[Iterable[str]], Iterable[Asked]]


def requirement(text: str, where: str) -> Requirement:
    """What a text asks for, from a registry.

    Raises:
        Unavailable: it names a path, an address or a repository, or is no requirement at all.
    """
    try:
        found = Requirement(text)
    except InvalidRequirement:
        raise Unavailable(f"{where}: {text!r} is not a package of a registry", "name a package and a version") from None
    if found.url and (found.marker is None or found.marker.evaluate({"extra": ""})):
        raise Unavailable(
            f"{where}: {found.name} does not come from a registry", "name a version that the registry has"
        )
    if any(each.operator == "===" for each in found.specifier):
        raise Unavailable(f"{where}: {text!r} compares versions as text", "write == instead of ===")
    return found


def requirements_of(
    folder: GuardedFolder, name: str, itself: Itself, note: Callable[[str], None], *, optional: bool = False
) -> Iterator[Asked]:
    """What a requirement file asks for, with the files it names.

    Args:
        itself: asked where the file asks for the tree it is in.
        note: told what is passed over.
        optional: so is all that it asks for; what of it comes from elsewhere is passed over.

    Raises:
        Unavailable: it cannot be read, or asks for what may not be.
    """
    waiting, seen = [(name, False)], set()
    while waiting:
        file, constraint = waiting.pop(0)
        if file in seen:
            continue
        seen.add(file)
        if len(seen) > _MAX_FILES:
            raise Unavailable(f"{name} names more than {_MAX_FILES} files", "name fewer")
        for number, line in _lines(_text(folder, file)):
            where = f"{file}:{number}"
            if (own := itself_in(line)) is not None:
                yield from itself(own)
            elif not line.startswith("-"):
                try:
                    asked = _asked(line, where, constraint=constraint)
                except Unavailable as error:
                    if not optional:
                        raise
                    note(f"{error.reason}: passed over")
                else:
                    yield evolve(asked, optional=optional)
            elif other := _OTHER_FILE.fullmatch(line):
                path = posixpath.normpath(PurePosixPath(file).parent.joinpath(other[2]).as_posix())
                waiting.append((path, constraint or other[1] in ("-c", "--constraint")))
            elif _PASSED_OVER.fullmatch(line):
                note(f"{where}: {re.split('[= ]', line)[0]} is passed over: your pip's own configuration holds")
            elif not line.startswith(_HARMLESS):
                refused = f"{where}: {re.split('[= ]', line)[0]} is not followed: packages come from the registry that your pip is configured for"
                if not optional:
                    raise Unavailable(refused, f"take it out of {file}")
                note(f"{refused}: passed over")


def itself_in(line: str) -> list[str] | None:
    """The extras with which a line asks for the tree it is in; ``None`` where it asks for something else."""
    own = _ITSELF.fullmatch(line)
    return None if own is None else _names(own["extras"])


def _names(extras: str | None) -> list[str]:
    return [name.strip() for name in (extras or "").split(",") if name.strip()]


def _asked(line: str, where: str, *, constraint: bool) -> Asked:
    digests = frozenset(_HASH.findall(line))
    return Asked(requirement(_HASH.sub("", line), where), where, digests, constraint)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with the number they begin at; those that end in a backslash with what follows."""
    begun, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if begun else number
        line = _COMMENT.sub("", line)
        if line.endswith("\\"):
            begun += line[:-1].strip() + " "
            continue
        if whole := (begun + line).strip():
            yield first, whole
        begun = ""
    if begun.strip():
        yield first, begun.strip()


def _text(folder: GuardedFolder, name: str) -> str:
    try:
        return folder.read_text(name)
    except FileNotFoundError:
        raise Unavailable(
            f"the dependencies cannot be read: there is no {name}", f"write {name}, or do not name it"
        ) from None
    except (PathRefused, ValueError) as error:
        raise Unavailable(f"the dependencies cannot be read: {name}: {error}", f"mend {name}") from error
