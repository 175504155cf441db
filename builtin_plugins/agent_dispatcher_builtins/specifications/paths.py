"""Files that a text names: what a task writes, and what it only reads.

A word is a file when it stands in backquotes or has a slash, and ends like a file. ``HTTP/1.1``, ``and/or``, URLs, routes and qualified names
(``java.net.http``) are none; patterns with ``*`` or ``{}`` are not one file. Folders are left out: many tasks write into one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from attrs import frozen

__all__ = ["NamedPath", "complete", "named_paths"]

_ENDINGS = """
    adoc astro avif bash bat bicep c cc cfg cjs clj cmake conf config cpp cs csproj css csv cts cue dart db
    dockerfile elm env erb erl ex exs fs fsproj gd go gql gradle graphql groovy h hbs hcl hpp hrl hs htm html
    http hurl ico ini ipynb java jinja jl jpg js json json5 jsonc jsonl jsx kt kts less lock lua m md mdx mjs mk
    ml mm mod mts mustache nix nim php plist png po prisma properties proto ps1 psd1 psm1 py pyi pyx r razor
    rake rb rego res rs rst s sass scala scss service sh sln snap sol sql sum svelte svg swift tex tf tfvars
    tmpl toml ts tscn tsv tsx txt uxml vb vue wasm wgsl wsdl xaml xib xml xsd yaml yml zig zsh template
"""
_EXTENSIONS = frozenset(_ENDINGS.split())
_WELL_KNOWN = frozenset(
    {
        *(
            "Dockerfile",
            "Makefile",
            "Gemfile",
            "Rakefile",
            "Procfile",
            "Justfile",
            "Jenkinsfile",
            "LICENSE",
            "Caddyfile",
        ),
        *(".gitignore", ".dockerignore", ".env", ".env.example", ".editorconfig", ".npmrc", ".nvmrc", ".eslintrc"),
        *(".prettierrc", ".gitattributes", ".babelrc", ".swiftlint", "CODEOWNERS", "go.mod", "go.sum"),
    }
)
#: No task's text is longer; whoever writes more writes it to keep a parser busy.
_LONGEST = 20_000
_LOOK_BACK = 60
_QUOTED = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\[\]\n]*\]\(([^()\s]+)\)")
_WORD = re.compile(r"(?<![\w@`/.:\\+()\[\]-])(?:\.{0,2}/)?[\w.@+\[\]()-]*[\w\])](?:[/\\][\w.@+\[\]()-]+)*")
_NOT_PLAIN = re.compile(r"[\s*?{}<>$|\"'=,;!#%^`]|://|\(\)|^\w+:(?!\\)|^@[\w-]+/[\w-]+$")
_MACHINE = re.compile(r"^(?:/(?:Users|home|mnt|tmp|var|etc|usr|opt|root)/|[A-Za-z]:[\\/]|~)")
_READ_BEFORE = re.compile(
    r"(?:\b(?:per|using|following|according\s+to|based\s+on|see|against|matching|match|from|reads?|reading|imports?|importing"
    r"|consumes?|consuming|(?:as\s+)?(?:defined|documented|described|specified|listed|declared)\s+in|in\s+line\s+with|reference|refer\s+to)"
    r"|conforme|segundo|согласно|参照|参考|基于|根据|に基づ\w*|따라)\s*(?:the\s+)?[`(\[]*$",
    re.IGNORECASE,
)
_WRITE_BEFORE = re.compile(
    r"\b(?:in|into|to|at|create|update|write|extend|add|edit|modify)\s+(?:the\s+)?[`(\[]*$", re.I
)
#: Endings that also end names: Node.js, app.config, java.net.http.
_NAMES_TOO = frozenset(
    {"c", "config", "db", "env", "go", "h", "http", "js", "m", "mod", "r", "res", "s", "service", "sol", "sql"}
)
_READERS = frozenset(
    {
        *("run", "execute", "verify", "validate", "check", "review", "audit", "inspect", "analyze", "analyse"),
        *("research", "investigate", "evaluate", "compare"),
    }
)


@frozen
class NamedPath:
    """A file that a text names.

    Attributes:
        name: ``/`` separated, without ``./``.
        start: where in the text.
        reads: whether the text only reads it.
    """

    name: str
    start: int
    reads: bool = False


def named_paths(text: str) -> list[NamedPath]:
    """Each file that the text names, once, in its order; one that is written anywhere is not only read."""
    text = text[:_LONGEST]
    found: dict[str, NamedPath] = {}
    first = text.split(None, 1)[0].strip("*_`:.,").lower() if text.strip() else ""
    for start, word, quoted in _candidates(text):
        name = _file(word, quoted)
        if name is None:
            continue
        before = text[max(0, start - _LOOK_BACK) : start]
        reads = bool(_READ_BEFORE.search(before)) or (first in _READERS and not _WRITE_BEFORE.search(before))
        known = found.get(name)
        if known is None:
            found[name] = NamedPath(name, start, reads)
        elif known.reads and not reads:
            found[name] = NamedPath(name, known.start, False)
    return list(found.values())


def complete(paths: Iterable[Iterable[NamedPath]]) -> list[tuple[NamedPath, ...]]:
    """The same with bare file names (``User.kt``) filled in from the only path in all of them that ends so.

    A name that fits several is left as it stands, and one that a task also gives in full is left out.
    """
    lists = [tuple(each) for each in paths]
    full: dict[str, set[str]] = {}
    for path in (path for each in lists for path in each):
        if "/" in path.name:
            full.setdefault(posixpath.basename(path.name), set()).add(path.name)
    result = []
    for each in lists:
        own = {path.name for path in each}
        kept: dict[str, NamedPath] = {}
        for path in each:
            name = path.name
            if "/" not in name and name in full:
                if {other for other in own if "/" in other and posixpath.basename(other) == name}:
                    continue
                if len(full[name]) == 1:
                    name = next(iter(full[name]))
            before = kept.get(name)
            kept[name] = NamedPath(name, path.start, path.reads and (before is None or before.reads))
        result.append(tuple(kept.values()))
    return result


def _candidates(text: str) -> list[tuple[int, str, bool]]:
    """Words that might be files, with where they stand and whether they are quoted."""
    found: list[tuple[int, str, bool]] = []
    spans: list[tuple[int, int]] = []
    for pattern in (_QUOTED, _LINK):
        for match in pattern.finditer(text):
            found.append((match.start(1), match[1].strip(), True))
            spans.append(match.span())
    plain = list(text)
    for begin, end in spans:
        plain[begin:end] = " " * (end - begin)
    found += [(match.start(), match[0], False) for match in _WORD.finditer("".join(plain))]
    return sorted(found)


def _file(word: str, quoted: bool) -> str | None:
    """The name in one spelling, or ``None`` for what is no file of the repository."""
    word = word.lstrip("([").rstrip("()[].,:;") if not quoted else word.strip().rstrip(".,:;")
    word = re.sub(r":\d+(?:-\d+)?$", "", word)  # src/app.py:12
    if not word or _NOT_PLAIN.search(word) or _MACHINE.match(word):
        return None
    name = word.replace("\\", "/")
    if name.endswith("/") or name.startswith("//"):
        return None
    slash = "/" in name.lstrip("/")
    base = posixpath.basename(name)
    stem, dot, extension = base.rpartition(".")
    known = base in _WELL_KNOWN or (bool(dot and stem) and extension.lower() in _EXTENSIONS)
    if not known and not (quoted and slash and dot and stem and re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,7}", extension)):
        return None
    if not slash and not quoted and base not in _WELL_KNOWN and not _bare(stem, extension):
        return None
    name = posixpath.normpath(name.lstrip("/"))
    return None if name.startswith("..") or name == "." else name


def _bare(stem: str, extension: str) -> bool:
    """Whether ``stem.extension`` without quotes and slash is a file rather than a product (Node.js) or a call (app.use)."""
    return extension.lower() not in _NAMES_TOO
