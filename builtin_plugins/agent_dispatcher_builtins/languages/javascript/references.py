"""What a text of JavaScript or TypeScript refers to: modules by where they are, other files by words, and whether it may come upon files that it does not name.

Nothing is run and nothing is parsed: literals are told from code, and what stands between ``import`` and a literal from what does not. A text that is not
JavaScript (a component of Vue, a style sheet, YAML) refers to every word in it.
"""

from __future__ import annotations

import re

from .exports import ENDINGS
from .literals import UNCLOSED, WORD, References, apart, words_in
from .manifests import is_configuration, references_of_data
from .text import closing

__all__ = ["references"]

#: A comment that a program reads: what it says counts.
_PRAGMA = re.compile(r"<reference\b|@(?:jest|vitest)-environment\b|@jsx\w*|sourceMappingURL")

#: A literal stands in code as its number between quotation marks.
_LITERAL = r'\s*"(\d+)"\s*'
_MOCKING = r"(?:vi|vitest|jest|td)\.(?:mock|doMock|unmock|doUnmock|unstable_\w*[mM]ock\w*|setMock|replace|replaceEsm|requireActual|requireMock|importActual|importMock|createMockFromModule|genMockFromModule)|(?:\w+\.)?mock\.module|proxyquire|rewire|esmock|importFresh"
_LOADS = rf"(?<![\w$.])(?:import|require|require\.resolve|import\.meta\.resolve|{_MOCKING})\s*(?:<[^()\"]*>\s*)?\("
_FROM = re.compile(rf"(?<![\w$.])(?:from|import){_LITERAL}")
_LOADED = re.compile(rf"{_LOADS}\s*(?:import\s*\()?{_LITERAL}[,)]")
_TITLE = re.compile(rf"(?<![\w$.])(?:t\.)?(?:describe|it|test|suite)(?:\.\w+)*(?:\s*\([^()]*\))?\s*\({_LITERAL},")
#: Code that loads what it makes the name of, or by ways that cannot be followed.
_MADE_UP = re.compile(
    rf"{_LOADS}(?!\s*(?:import\s*\()?{_LITERAL}[,)])"
    r"|(?<![\w$.])(?<!typeof )require\b(?!\s*\(|\s*\.\s*(?:resolve\s*\(|main\b)|\s*=\s*(?:\w+\.)?createRequire\s*\(|\s*:)"
    r"|\bmodule\s*\.\s*require\b|(?<!require=)(?<!require =)(?<!require= )(?<!require = )\bcreateRequire\s*\("
    r"|\bimport\.meta\.glob\w*+\s*+(?!(?:<[^()]*>\s*)?\(\s*\[?\s*\")"
    r"|\bnew\s+(?:Shared)?Worker\s*\((?!\s*(?:new\s+URL\s*\(\s*)?\")"
)
#: Without one of these there is nothing of that in code; most code has none, which is seen much sooner.
_MAY_LOAD = re.compile(r"import\s*[(.<]|require|Worker|[mM]ock|Actual|rewire|proxyquire|importFresh|td\.")
#: Words of programs that find files, run others or load by names; they count in code and in its literals.
_FINDERS = (
    *("readdir", "readdirSync", "readdirp", "opendir", "opendirSync", "glob", "globSync", "globby", "fast-glob", "tinyglobby", "fdir", "klaw", "walkdir"),
    *("require-dir", "require-directory", "require-all", "include-all", "autoload", "require.context", "require.cache", "jiti", "vm2", "registerHooks"),
    *("child_process", "execa", "cross-spawn", "shelljs", "zx", "_resolveFilename", "_extensions", "_load", "chokidar", "ts-morph", "createProgram"),
    *("readConfigFile", "parseJsonConfigFileContent", "dependency-cruiser", "madge", "new Function", "eval"),
)  # fmt: skip
_FINDS = re.compile(rf"(?<!import\.meta\.)\b(?:{'|'.join(map(re.escape, sorted(_FINDERS, reverse=True)))})\b")
#: Modules of node that load or run what they are told.
_RUNNERS = frozenset(("vm", "repl", "inspector", "module"))
#: The one thing of ``node:module`` that can be followed, when it is called ``require``.
_ONLY_REQUIRE = re.compile(r"import\s*\{\s*createRequire\s*\}\s*from\s*[\"'](?:node:)?module[\"']")
_DOTS = re.compile(r"[\"']\.{1,2}/?[\"']")
_MEASURING = re.compile(r"\b(?:coverage|collectCoverageFrom|coveragePathIgnorePatterns)\s*:\s*(?=[{\[])")


def references(name: str, text: str) -> References:
    """What the text of a file called ``name`` (without folders) refers to."""
    if name.endswith((".json", ".jsonc")):
        return references_of_data(name, text)
    if not name.endswith(ENDINGS):
        return _of_words(text)
    code, literals, comments = apart(text)
    configures = is_configuration(name)
    if configures:
        code = _without_measuring(code)
    modules = {int(match[1]) for pattern in (_FROM, _LOADED) for match in pattern.finditer(code)}
    left_out = {int(match[1]) for match in _TITLE.finditer(code)} | (set() if configures else modules)
    others = [literals[number] for number in map(int, re.findall(r'"(\d+)"', code)) if number not in left_out]
    said = [part for comment in comments if _PRAGMA.search(comment) for part in comment.split()]
    specifiers = frozenset(literals[number] for number in modules)
    return References(
        modules=specifiers,
        words=words_in([*others, *said]),
        literals=frozenset(each for each in others if each and not re.search(r"\s", each)),
        unknown=_unknown(code, literals, specifiers),
    )


def _unknown(code: str, literals: list[str], specifiers: frozenset[str]) -> str:
    """What in code, or in its literals, may come upon files."""
    if code.endswith(UNCLOSED):
        return "a text that does not end"
    odd = next((each for each in sorted(specifiers) if "\\" in each or "%" in each), "")
    if odd:
        return odd
    made_up = _MADE_UP.search(code) if _MAY_LOAD.search(code) else None
    if made_up:
        return " ".join(made_up[0].split())
    whole = re.sub(r'"(\d+)"', lambda match: f'"{literals[int(match[1])]}"', code)
    found = _finder(whole)
    if found:
        return found
    runners = [each for each in sorted(specifiers) if each.removeprefix("node:") in _RUNNERS]
    followed = len(runners) == 1 and _ONLY_REQUIRE.search(whole) is not None
    return runners[0] if runners and not followed else ""


def _finder(text: str) -> str:
    """The word of a program that finds files."""
    found = _FINDS.search(text) if any(each in text for each in _FINDERS) else None
    return found[0] if found else ""


def _of_words(text: str) -> References:
    """Of a text in a language that is not known here."""
    found = _DOTS.search(text) or re.search(r"import\.meta\.glob|\bimport\s*\(\s*[^\s\"']", text)
    return References(words=frozenset(WORD.findall(text)), unknown=_finder(text) or (found[0] if found else ""))


def _without_measuring(code: str) -> str:
    """Configuration without what says which files coverage is measured of."""
    kept, at = [], 0
    for found in _MEASURING.finditer(code):
        if found.start() >= at:
            kept.append(code[at : found.start()])
            at = closing(code, found.end()) + 1
    return " ".join([*kept, code[at:]])
