"""Was anything but new tests added to a file of tests in JavaScript or TypeScript? Whoever does not own such a file may do nothing else to it.

Without a parser: a file is cut into the statements of its top level, and those of groups of tests, and each that was there has to be there still, token by
token. Layout and comments do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from agent_dispatcher.extension import Objection

from .text import closing, masked, same_quotes

__all__ = ["touched"]

_SHOWN = 160
_LOOK = 200
_LONGEST_HEAD = 2000
_NAME = r"[A-Za-z_$][\w$]*"
#: A name that stands for something: neither a member of an object, nor (after a bracket or a comma) the key of one.
_USED = re.compile(rf"(?:(?<![\w$.])|(?<=\.\.\.))(?<![\w$]){_NAME}")
_KEY = re.compile(rf"(?<=[{{,])(\s*){_NAME}(?=\s*:)")
_TOKEN = re.compile(
    r"\\.|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|[\w$]+|=>|[=!]==?|&&|\|\||\?\?|\+\+|--|[^\s\w$]",
    re.S,
)
#: What a statement goes on with although its line has ended.
_GOES_ON = re.compile(r"\s{0,200}+(?:[.?:,)\]=+*/%&|<>^`-]|(?:else|catch|finally|from|in|of|instanceof|as)\b)")
_UNFINISHED = re.compile(
    r"(?:[,=+*/%&|<>^?:(.!~-]|\b(?:return|typeof|new|await|of|in|else|import|export|from|const|let|var))\s*$"
)
_GROUP = re.compile(
    r"\s*(?:describe|suite)\s*\(\s*[\"'`][^\n]*?[\"'`]\s*,\s*(?:async\s*)?(?:\(\s*\)\s*=>|function\s*\(\s*\))\s*\{"
)
_TESTS = re.compile(
    r"\s*(?:await\s+)?(?:test|it|specify|describe|suite|context)\s*(?:\.\s*(?:concurrent|serial|sequential)\s*)*(?:\.\s*(?:each|for)\b|\()"
)
#: ... in a loop over cases, whose head ends with the bracket of what is done for each.
_LOOP = re.compile(
    rf"\s*(?:for\s*\(\s*(?:const|let)\s+[^()]*?\s(?:of|in)\s[^{{}}]*\)\s*(?:\{{|(?=\s*(?:test|it)\b))|[\w$.\[\](){{}},:\s\"'`+-]*?\.\s*forEach\s*\(\s*(?:{_NAME}|\([^()]*\))\s*=>\s*\{{)"
)
_DECLARES = re.compile(
    rf"\s*(?:export\s++)?(?:(?:async\s++)?function\s*+\*?\s*+({_NAME})|class\s+({_NAME})|(?:const|let|var)\s+({_NAME})\b|(?:const|let|var)\s*([{{\[][^=]*)=)"
)
_IMPORTS = re.compile(r"\s*import\b")
_IMPORT = re.compile(
    rf"import (type )?(?:({_NAME})(?: ,|(?= from)))? ?(?:\* as ({_NAME})|\{{([^{{}}]*)\}})? ?from (\"(?:\\.|[^\"\\])*\")"
)
_REACHING = re.compile(
    r"\bprocess\s*\.\s*(?:exit|abort|kill|reallyExit)\b|\bprototype\b|\bglobal(?:This)?\s*[.\[]|\bObject\s*\.\s*(?:assign|defineProperty)\b|\bmock\s*\.\s*module\b"
    r"|\b(?:vi|jest)\s*\.\s*(?:mock|unmock|doMock)\b|\bassert\s*\.\s*\w+\s*=(?!=)|\beval\s*\("
)


@frozen
class _Part:
    """A statement: where it begins, its text without comments, and that with the insides of strings blanked."""

    line: int
    text: str
    code: str

    @property
    def tokens(self) -> tuple[str, ...]:
        found = _tokens(self.text)
        return found[:-1] if found[-1:] == (";",) else found


def _tokens(text: str) -> tuple[str, ...]:
    return tuple(map(same_quotes, _TOKEN.findall(text)))


def touched(path: str, before: str, after: str) -> list[Objection]:
    """What of the tests of a file is not as it was, or reaches into them."""
    taken = set(_USED.findall(_KEY.sub(" ", masked(before))))
    return [
        Objection(
            kind="touched",
            path=path,
            line=line,
            what=f"{what}; whoever does not own this file may only add tests to it",
        )
        for line, what in _beyond(_parts(before), _parts(after), taken)
    ]


def _beyond(old: list[_Part], new: list[_Part], taken: set[str]) -> Iterator[tuple[int, str]]:
    at = 0
    extra: list[_Part] = []
    for part in new:
        there = old[at] if at < len(old) else None
        if there is not None and there.tokens == part.tokens:
            at += 1
        elif there is not None and (inside := _both_inside(there, part)):
            at += 1
            yield from _beyond(*inside, taken)
        elif there is not None and _imports_more(there, part, taken):
            at += 1
        else:
            extra.append(part)
    if at < len(old):
        instead = next((each for each in extra if each.tokens[:3] == old[at].tokens[:3]), None)
        told = f"; instead: {_short(instead.text)!r}" if instead is not None else ""
        yield instead.line if instead is not None else 0, f"it is not there as it was: {_short(old[at].text)!r}{told}"
        return
    for part in extra:
        why = _reaches(part, taken)
        if why:
            yield part.line, f"{_short(part.text)!r} {why}"


def _both_inside(old: _Part, new: _Part) -> tuple[list[_Part], list[_Part]] | None:
    """The statements of two groups of tests that begin alike."""
    heads = [_GROUP.match(part.text) for part in (old, new)]
    if heads[0] is None or heads[1] is None or _tokens(heads[0][0]) != _tokens(heads[1][0]):
        return None
    found = []
    for part, head in ((old, heads[0]), (new, heads[1])):
        stop = closing(part.code, head.end() - 1)
        if part.code[stop + 1 :].strip(" \n\t;") != ")":
            return None
        first = part.line + part.text.count("\n", 0, head.end())
        found.append(_parts(part.text[head.end() : stop], first))
    return found[0], found[1]


def _imports_more(old: _Part, new: _Part, taken: set[str]) -> bool:
    """Whether an import takes what it took, and more that binds no name that was used."""
    was, now = _import_of(old), _import_of(new)
    if was is None or now is None or was[0] != now[0]:
        return False
    return was[1] <= now[1] and not ({each.split(" ")[-1] for each in now[1] - was[1]} & taken)


def _import_of(part: _Part) -> tuple[str, frozenset[str]] | None:
    """Where an import takes from, and each thing it takes with the name it has here (``default a``, ``* a``, ``a a``, ``a b``); ``None`` for any other statement."""
    found = _IMPORT.fullmatch(" ".join(part.tokens))
    if found is None:
        return None
    kind, default, space, listed, source = found.groups()
    taken = [f"default {default}"] if default else []
    taken += [f"* {space}"] if space else []
    for each in (listed or "").split(","):
        words = each.replace(" as ", " ").split()
        taken += [" ".join(words if len(words) > 1 else words * 2)] if words else []
    return f"{kind or ''}{source}", frozenset(taken)


def _reaches(part: _Part, taken: set[str]) -> str:
    """Why a new statement is no mere addition, ``""`` when it is one."""
    if reaching := _REACHING.search(part.code):
        return f"reaches what is not its own ({reaching[0]})"
    if _TESTS.match(part.code) or _is_loop_of_tests(part):
        return ""
    bound: set[str] = set()
    if _IMPORTS.match(part.code):
        bound = set(re.findall(_NAME, part.code.partition(" from ")[0])) - {"import", "type", "as", "from", "default"}
        if " from " not in part.code:
            return "runs another file for all tests"
    elif declared := _DECLARES.match(part.code):
        bound = set(re.findall(_NAME, next(each for each in declared.groups() if each)))
    else:
        return "is run for all tests of the file"
    again = sorted(bound & taken)
    return f"binds {again[0]} anew, which tests that were there use" if again else ""


def _is_loop_of_tests(part: _Part) -> bool:
    """Whether a statement makes tests, one for each case, and nothing else."""
    head = _LOOP.match(part.code, 0, _LONGEST_HEAD)
    if head is None:
        return False
    if not head[0].rstrip().endswith("{"):
        return _TESTS.match(part.code, head.end()) is not None
    opened = part.code.rindex("{", 0, head.end())
    stop = closing(part.code, opened)
    inside = _parts(part.text[opened + 1 : stop])
    rest = part.code[stop + 1 :].strip(" \n\t;")
    known = [each for each in inside if _TESTS.match(each.code)]
    local = [each for each in inside if re.match(r"\s*(?:const|let)\b", each.code)]
    return rest in ("", ")") and bool(known) and len(known) + len(local) == len(inside)


def _parts(text: str, line: int = 1) -> list[_Part]:
    """The statements of the top level of a text."""
    code, kept = masked(text), masked(text, keep_strings=True)
    found = []
    start = 0
    inside: list[str] = []  # brackets and templates
    for at, char in enumerate(code):
        if char in "([{" or (char == "`" and inside[-1:] != ["`"]):
            inside.append(char)
        elif char in ")]}`" and inside:
            inside.pop()
        if not inside and (char == ";" or (char == "\n" and _is_whole(code, start, at))):
            found.append((start, at + 1))
            start = at + 1
    found.append((start, len(code)))
    parts = []
    for begin, end in found:
        blank = len(kept[begin:end]) - len(kept[begin:end].lstrip())
        if kept[begin:end].strip(" \t\n;"):
            at = begin + blank
            parts.append(_Part(line + text.count("\n", 0, at), kept[at:end], code[at:end]))
    return parts


def _is_whole(code: str, start: int, end: int) -> bool:
    """Whether a statement that could go on in the next line is at its end."""
    return not _UNFINISHED.search(code[max(start, end - _LOOK) : end].rstrip()) and not _GOES_ON.match(code, end + 1)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"
