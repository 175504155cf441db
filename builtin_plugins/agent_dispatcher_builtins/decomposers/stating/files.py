"""The files with code that requirements say are to be written; what is read, tested, kept or removed is none of them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping

from attrs import evolve, frozen

from ...specifications.paths import NamedPath, named_paths
from ..file_tree import is_test
from .leaving import LEAVES, STAYS, takes
from .words import GETS, IDENTIFIER, KIND, USES

__all__ = ["File", "ModuleOf", "files_in", "is_code"]

#: Gives the name by which code refers to a file; ``""`` where it cannot tell.
ModuleOf = Callable[[str], str]

_CODE = """
    c cc cjs clj cpp cs css cts dart erl ex exs fs go groovy h hpp hrl hs html java jl js jsx kt lua m mjs ml mts nim php pl ps1 py pyi r rb rs
    scala scss sh sql svelte swift ts tsx vue zig
"""
_ENDINGS = frozenset(_CODE.split())
#: What names a file without making it.
_MENTIONS = re.compile(
    r"\b(?:not|never|without|instead\s+of|unlike|like|than|as\s+in|existing|calls?|calling|uses?|(?:used|called|run|imported)\s+by|via|with|between|outside|runs?|running"
    r"|invokes?|tests?|delet\w+|remov\w+|renam\w+\b(?!\s+to\b)|nicht|ohne|wie|nutzt|verwendet)\s+(?:[\w-]+\s+){0,2}`?$",
    re.IGNORECASE,
)
_DEFINED = re.compile(r"\b(?:is|are|be)\s+(?:defined|declared|implemented|documented)\s+in\s*[`(]*$", re.IGNORECASE)
#: ``the class `Store` in``, and what shows that it is only used.
_NAME_IN = re.compile(r"`[^`\n]+`\s+(?:in|from|(?P<of>of))\s+(?:the\s+(?:module|file)\s+)?`?$", re.IGNORECASE)
_GETTING = re.compile(rf"^[`)]*\s*{GETS}\b", re.IGNORECASE)
_WITHIN = re.compile(
    rf"(?:`[^`\n]*`|\b{KIND})\s*\(?(?:in|inside|of|from)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?`?$",
    re.IGNORECASE,
)
_MODULE = re.compile(
    rf"(?:^|[.;:(]\s*|\b(?:in|into|to|im|in\s+dem|das)\s+)(?:(?:the|das|dem)\s+)?(?:new\s+)?(?:python\s+)?modul[es]*\s+`?(?P<name>{IDENTIFIER}(?:[./]{IDENTIFIER})+)`?(?![\w/(])",
    re.IGNORECASE,
)


@frozen
class File:
    """A file that a text names: its path, and where the text names it."""

    path: str
    start: int
    end: int


def files_in(texts: Mapping[str, str], known: Iterable[str], module_of: ModuleOf) -> dict[str, list[File]]:
    """The files with code that each text says are to be written."""
    named = {
        name: [
            File(each.name, each.start, each.start + len(each.name))
            for each in named_paths(text)
            if _is_made(each, text)
        ]
        for name, text in texts.items()
    }
    full = {each.path for some in named.values() for each in some if "/" in each.path} | set(known)
    by_base: dict[str, list[str]] = {}
    for path in sorted(full):
        by_base.setdefault(posixpath.basename(path), []).append(path)
    roots = {root for path in full if (root := _root(path, module_of))}
    for name, text in texts.items():
        for number, each in enumerate(named[name]):
            longer = [path for path in by_base.get(posixpath.basename(each.path), ()) if path.endswith(f"/{each.path}")]
            if each.path not in full.difference(longer) and len(longer) == 1:
                named[name][number] = evolve(each, path=longer[0])
        for match in _MODULE.finditer(text):
            if is_code(match["name"]):
                continue
            path = _path_of(match["name"], full, roots, module_of)
            if path:
                named[name].append(File(path, match.start("name"), match.end("name")))
        named[name].sort(key=lambda each: each.start)
    return named


def _root(path: str, module_of: ModuleOf) -> tuple[str, str, str] | None:
    """What stands before a package of a file, the package, and the ending: ``src/``, ``inv`` and ``.py`` of ``src/inv/text.py``."""
    stem, ending = posixpath.splitext(path)
    module = module_of(path).replace(".", "/")
    if "/" not in module or not stem.endswith(module):
        return None
    return stem.removesuffix(module), module.partition("/")[0], ending


def _path_of(module: str, full: Iterable[str], roots: Iterable[tuple[str, str, str]], module_of: ModuleOf) -> str:
    """The file of a module: one that is named elsewhere, else the one beside those of its package; ``""`` where nothing tells."""
    wanted = module.replace("/", ".")
    same = [path for path in sorted(full) if module_of(path).replace("/", ".") == wanted]
    if len(same) == 1:
        return same[0]
    beside = [
        f"{before}{wanted.replace('.', '/')}{end}" for before, package, end in roots if wanted.startswith(f"{package}.")
    ]
    return beside[0] if len(beside) == 1 and not same else ""


def _is_made(path: NamedPath, text: str) -> bool:
    before = text[max(0, path.start - 80) : path.start]
    if is_test(path.name) or not is_code(path.name) or (path.reads and not _DEFINED.search(before)):
        return False
    named = _NAME_IN.search(before)
    if named and (named["of"] or USES.search(before[: named.start()])):
        return False
    after = text[path.start + len(path.name) : path.start + len(path.name) + 200]
    if _MENTIONS.search(before) or STAYS.match(after):
        return False
    if _WITHIN.search(before):
        return True  # what goes is in it
    return not LEAVES.match(after) and (not takes(text, path.start) or bool(_GETTING.match(after)))


def is_code(name: str) -> bool:
    """Whether a file of that name is one with code."""
    return posixpath.splitext(name)[1][1:].lower() in _ENDINGS
