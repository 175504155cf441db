"""What a file of JavaScript or TypeScript exports and imports, by reading it; nothing is run."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.models import ArtifactRef
from agent_dispatcher.workspace.path_guard import GuardedFolder

from .text import closing, masked, stem

__all__ = ["ENDINGS", "exported", "imports", "missing_symbols", "outline"]

#: Endings of source files, in the order in which a module is looked for.
ENDINGS = (".js", ".ts", ".mjs", ".mts", ".cjs", ".cts", ".jsx", ".tsx")
_MAX_BYTES = 4 * 1024**2
_NAME = r"[A-Za-z_$][\w$]*"
_DECLARED = re.compile(
    rf"\bexport\s+(?:declare\s+)?(?:(default)\s+)?(?:abstract\s+)?(?:async\s+)?"
    rf"(?:function\s*\*?|class|interface|type|(?:const\s+)?enum|namespace|const|let|var)\s*({_NAME})?"
)
_VARIABLES = re.compile(r"\bexport\s+(?:declare\s+)?(?:const|let|var)\b")
_DEFAULT = re.compile(r"\bexport\s+default\b")
_LISTED = re.compile(r"\bexport\s*(?:type\s*)?\{([^{}]*)\}")
_STAR = re.compile(rf"\bexport\s*\*\s*(?:as\s+({_NAME})\s+)?from\s*([\"'])([^\"'\n]*)\2")
_PROPERTY = re.compile(rf"(?<![\w$.])(?:module\s*\.\s*)?exports\s*\.\s*({_NAME})\s*=(?![=>])")
_WHOLE = re.compile(r"(?<![\w$.])module\s*\.\s*exports\s*=\s*\{")
_CLASS = re.compile(rf"\b(?:class|interface|enum)\s+({_NAME})[^{{;]{{0,500}}\{{")
_MEMBER = re.compile(
    rf"(?:^|[;{{}}\n])[ \t]*+(?:(?:static|async|get|set|public|readonly|abstract|override|declare)[ \t]++){{0,6}}\*?[ \t]*+({_NAME})[ \t]*+[?!]?[ \t]*+(?:[(<=:;,}}]|$)",
    re.M,
)
_FROM = re.compile(r"(?:\bfrom|\bimport|\brequire\s*\(|\bimport\s*\()\s*([\"'])([^\"'\n]+)\1")
_IMPORTED = re.compile(r"\bimport\s++(?:type\s++)?((?:(?!\bimport\b)[^;\"'()]){0,2000}?)\bfrom\s*+([\"'])([^\"'\n]+)\2")
_METHOD = re.compile(
    rf"\s+(?!(?:if|for|while|switch|catch)\b)(?:(?:static|async|get|set)\s+)*\*?#?{_NAME}\s*\([^)]*\)[^;]*\{{\s*$"
)
_OUTLINED = re.compile(
    r"^(?:export\s+)?(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:import\b|(?:async\s+)?function\b|class\b|interface\b|type\b|enum\b|const\b|let\b|var\b|export\b|module\.exports\b|exports\.)"
)


def missing_symbols(tree: Path, promised: Sequence[ArtifactRef]) -> tuple[str, ...]:
    """Promised ``symbol`` artifacts (``folder/module:name``, ``folder/module:Class.method``) that ``tree`` does not export, in order.

    A module is looked for as it is named, below ``src`` and as the ``index`` of a folder; dots in its name may stand for slashes.
    """
    folder = GuardedFolder(tree, max_bytes=_MAX_BYTES)
    missing = []
    for ref in promised:
        if ref.type != "symbol":
            continue
        module, _, name = ref.name.partition(":")
        path = _file_of(folder, module)
        if path is None or (name and not _exports(folder, path, name, frozenset())):
            missing.append(ref.name)
    return tuple(missing)


def exported(text: str) -> frozenset[str]:
    """Names that the file exports itself; ``default`` for its default export."""
    code = masked(text)
    depths = _depths(code)
    found: set[str] = set()
    for match in _DECLARED.finditer(code):
        if depths[match.start()] == 0:
            found.update(name for name in (match[1], match[2]) if name)
    for match in _VARIABLES.finditer(code):
        if depths[match.start()] == 0:
            found.update(_variables(code, match.end()))
    if any(depths[match.start()] == 0 for match in _DEFAULT.finditer(code)):
        found.add("default")
    for match in _LISTED.finditer(code):
        if depths[match.start()] == 0:
            found.update(part.split()[-1] for part in match[1].split(",") if part.strip())
    found.update(match[1] for match in _PROPERTY.finditer(code) if depths[match.start()] == 0)
    for match in _WHOLE.finditer(code):
        if depths[match.start()] == 0:
            inside = code[match.end() : closing(code, match.end() - 1)]
            found.update(_keys(inside))
    found.update(match[1] for match in _STAR.finditer(masked(text, keep_strings=True)) if match[1])
    return frozenset(found)


def imports(text: str) -> frozenset[str]:
    """Modules a file names, as they are written and by their :func:`stem`, each also with what is taken from them (``a/b.C``)."""
    code = masked(text, keep_strings=True)
    found: set[str] = set()
    for match in _FROM.finditer(code):
        found |= {match[2], _plain(match[2])}
    for match in _IMPORTED.finditer(code):
        names = [part.split() for part in re.sub(r"[{}]", ",", match[1]).split(",")]
        found.update(f"{_plain(match[3])}.{words[0]}" for words in names if words and words[0] != "*")
    return frozenset(found)


def outline(text: str) -> str:
    """Imports and the first lines of what stands at the top of the file, and of methods of classes."""
    code, kept = masked(text), masked(text, keep_strings=True)
    depths, lines, at = _depths(code), [], 0
    for line in kept.splitlines(keepends=True):
        depth = depths[at] if at < len(depths) else 0
        if (depth == 0 and _OUTLINED.match(line)) or (depth == 1 and _METHOD.match(line)):
            opened = line.rstrip().endswith("{") and not line.startswith("import")
            lines.append(f"{line.rstrip()[:200]}{' … }' if opened else ''}")
        at += len(line)
    return "\n".join(lines)


def _plain(specifier: str) -> str:
    """``../src/shop/prices.js`` is ``shop/prices``: relative steps are left out."""
    return stem(re.sub(r"^(?:\.{1,2}/)+", "", specifier))


def _depths(code: str) -> list[int]:
    """How many brackets are open before each character."""
    depths, depth = [], 0
    for char in code:
        depths.append(depth)
        depth += (char in "([{") - (char in ")]}")
    return depths


def _variables(code: str, at: int) -> Iterator[str]:
    """Names that one statement of variables defines, also by taking a value apart."""
    depth, index, wanted = 0, at, True
    while index < len(code):
        char = code[index]
        name = re.compile(_NAME).match(code, index) if wanted and depth == 0 else None
        if name:
            yield name[0]
            wanted, index = False, name.end()
            continue
        if wanted and depth == 0 and char in "[{":
            stop = closing(code, index)
            yield from _taken_apart(code[index + 1 : stop])
            wanted, index = False, stop + 1
            continue
        depth += (char in "([{") - (char in ")]}")
        if depth < 0 or (depth == 0 and (char == ";" or (char == "\n" and not wanted and not _goes_on(code, index)))):
            return
        wanted = wanted or (depth == 0 and char == ",")
        index += 1


def _taken_apart(pattern: str) -> Iterator[str]:
    """Names that ``{ a, b: c, ...rest }`` or ``[a, , b = 1]`` defines; the inside of a pattern in it counts too."""
    for part in re.split(r"[,{}\[\]]", pattern):
        name = re.fullmatch(rf"(?:.*:)?\s*(?:\.\.\.)?\s*({_NAME})\s*", part.split("=")[0], re.S)
        if name:
            yield name[1]


def _goes_on(code: str, at: int) -> bool:
    """Whether a statement goes on behind the end of a line."""
    return code[:at].rstrip()[-1:] in tuple("=,+-*/&|?:(.<>") or code[at:].lstrip()[:1] in tuple(",.+-*/&|?:=")


def _keys(inside: str) -> Iterator[str]:
    depth, part = 0, ""
    for char in f"{inside},":
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            match = re.match(rf"\s*(?:async\s+)?\*?\s*({_NAME})\s*(?:[:(]|$)", part.rstrip() or " ")
            if match:
                yield match[1]
            part = ""
        else:
            part += char


def _file_of(folder: GuardedFolder, module: str) -> str | None:
    bases = dict.fromkeys((module, stem(module), module.replace(".", "/")))
    for base in bases:
        for path in (base, f"src/{base}"):
            for ending in ("", *ENDINGS, *(f"/index{each}" for each in ENDINGS)):
                name = f"{path}{ending}"
                try:
                    if name.endswith(ENDINGS) and folder.exists(name):
                        return name
                except PathRefused:
                    continue
    return None


def _exports(folder: GuardedFolder, path: str, name: str, seen: frozenset[str]) -> bool:
    try:
        text = folder.read_text(path)
    except (FileNotFoundError, PathRefused, UnicodeDecodeError):
        return False
    first, _, member = name.partition(".")
    if first in exported(text):
        return not member or _has_member(masked(text), first, member)
    for match in _STAR.finditer(masked(text, keep_strings=True)):
        if match[1] or not match[3].startswith(".") or first == "default":
            continue
        source = _file_of(folder, posixpath.normpath(posixpath.join(posixpath.dirname(path), match[3])))
        if source is not None and source not in seen and _exports(folder, source, name, seen | {path}):
            return True
    return False


def _has_member(code: str, name: str, member: str) -> bool:
    for match in _CLASS.finditer(code):
        if match[1] == name:
            start = match.end() - 1
            body = code[start : closing(code, start) + 1]
            depths = _depths(body)
            return any(each[1] == member and depths[each.start(1)] == 1 for each in _MEMBER.finditer(body))
    return True
