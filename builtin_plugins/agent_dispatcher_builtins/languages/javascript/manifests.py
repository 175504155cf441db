"""Files that say how modules are found: ``package.json``, what TypeScript and runners of tests are configured by, and JSON in general."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from .literals import References, apart, words_in

__all__ = ["is_configuration", "references_of_data"]

_CONFIGURATION = re.compile(
    r"(?:package|tsconfig[\w.-]*|jsconfig[\w.-]*|deno|lerna|nx|turbo|project)\.jsonc?|.*\.config\.(?:[mc]?[jt]s|json)|.*\.workspace\.(?:[mc]?[jt]s|json)|pnpm-workspace\.yaml"
)
#: Of a manifest: where modules of the package are, and what no module is loaded by.
_ENTRIES = frozenset(("main", "module", "browser", "types", "typings", "exports", "imports", "source"))
_NO_LOADING = frozenset(
    (
        *("name", "version", "description", "keywords", "homepage", "bugs", "license", "author", "contributors", "funding", "repository", "files"),
        *("bin", "man", "scripts", "engines", "os", "cpu", "private", "publishConfig", "dependencies", "devDependencies", "peerDependencies"),
        *("peerDependenciesMeta", "optionalDependencies", "bundleDependencies", "overrides", "resolutions", "packageManager", "volta"),
        *("eslintConfig", "eslintIgnore", "prettier", "lint-staged", "husky", "commitlint", "browserslist", "release", "config", "size-limit"),
        *("sideEffects", "stylelint", "simple-git-hooks", "renovate", "pnpm", "c8", "nyc"),
    )
)  # fmt: skip
#: Of the compiler's options: where modules and declarations are.
_WAYS = ("paths", "baseUrl", "types", "typeRoots", "plugins", "jsxImportSource", "customConditions")


def is_configuration(name: str) -> bool:
    """Whether a file of this name says how others are found or run."""
    return _CONFIGURATION.fullmatch(name) is not None


def references_of_data(name: str, text: str) -> References:
    """Of JSON, also with comments and commas at the end of lists, as TypeScript reads it."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        code, literals, _ = apart(text)
        plain = re.sub(r",(\s*[}\]])", r"\1", code)
        try:
            data = json.loads(re.sub(r'"(\d+)"', lambda match: f'"{literals[int(match[1])]}"', plain))
        except (ValueError, RecursionError):
            return References(unknown="it is no JSON")
    if not isinstance(data, dict) or name != "package.json":
        if isinstance(data, dict) and name.startswith(("tsconfig", "jsconfig")):
            return _of_compiler(data)
        texts = [*_texts(data)]
        return References(words=words_in(texts), literals=frozenset(texts))
    entries = [*_texts({key: value for key, value in data.items() if key in _ENTRIES})]
    others = [*_texts({key: value for key, value in data.items() if key not in _ENTRIES | _NO_LOADING})]
    modules = [f"./{each.removeprefix('./')}" for each in entries if "*" not in each and not each.startswith("#")]
    patterns = [each for each in entries if "*" in each or each.startswith("#")]
    return References(
        modules=frozenset(modules),
        words=words_in([*patterns, *others]),
        literals=frozenset(others),
        unknown=_partly(patterns),
    )


def _of_compiler(data: dict[str, Any]) -> References:
    """Of what TypeScript finds modules by. Which files it compiles is no matter: their types are taken out."""
    options = data.get("compilerOptions")
    given = options if isinstance(options, dict) else {}
    texts = [*_texts([data.get("extends"), *(given.get(key) for key in _WAYS)])]
    virtual = "rootDirs" if "rootDirs" in given else ""
    return References(words=words_in(texts), unknown=virtual or _partly(texts))


def _texts(value: object) -> Iterator[str]:
    """All texts in JSON, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inside in value.items():
            yield str(key)
            yield from _texts(inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _texts(inside)


def _partly(texts: list[str]) -> str:
    """A mapping in which a star is part of a word: the file has another word in its name than who asks for it."""
    return next((each for each in texts if "/" in each and re.search(r"[\w$-]\*(?!\*)|(?<!\*)\*[\w$-]", each)), "")
