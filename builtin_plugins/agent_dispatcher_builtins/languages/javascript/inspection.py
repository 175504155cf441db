"""Is a file of JavaScript or TypeScript work? Stubs, tests that cannot fail, and tests that prove less than before, told from its text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from agent_dispatcher.extension import Objection

from .additions import touched
from .asserting import ALWAYS, assertion_pattern, is_unasked, strength
from .tests_read import TestRead, tests_in
from .text import closing, masked

__all__ = ["inspect"]

_NAME = r"[A-Za-z_$][\w$]*"
_MARK = re.compile(
    r"(?://|/\*|^[ \t]*+\*)\s{0,200}+(?:TODO|FIXME|XXX|TBD)\b|(?:(?<![/*])(?://|/\*)|^[ \t]*+\*)[^\n]{0,300}?\b(?:TODO|FIXME|XXX)\s{0,20}[:(]"
    r"|(?://|/\*)\s{0,200}+(?i:not (?:yet )?implemented)",
    re.M,
)
_NOT_THERE = re.compile(
    r"\bthrow\s+(?:new\s+)?(?:[\w$.]*\(\s*)?[\"'`](?:[^\"'`\n]*?\b(?:not (?:yet )?implemented|unimplemented|implement me)\b|to ?do\b\s*[:!.\"'`])",
    re.I,
)
_NOTHING = r"(?:return\b(?:\s*+(?:undefined|null|void 0)\b(?:\s++as\s++\w+)?)?\s*+;?\s*+)?"
_SIGNED = r"\s*+(?::(?:[^={;\n]|\{[^{}]{0,300}\}(?=\s*+\{)){0,300})?"
_NO_BODY = re.compile(_SIGNED + r"\s*+\{\s*+" + _NOTHING + r"\}")
_NO_ARROW_BODY = re.compile(_SIGNED + r"=>\s*+\{\s*+" + _NOTHING + r"\}")
_EMPTY_CLASS = re.compile(r"\bexport\s+(?:default\s+)?class\s+([A-Za-z_$][\w$]*)\s*\{\s*\}")
_ARROW_ALONE = re.compile(
    rf"\b(?:const|let|var)\s+({_NAME})\s*(?::[^=]{{0,300}})?=\s*(?:async\s*)?(?:{_NAME}|\([^()]{{0,1000}}\))\s*(?::[^={{;\n]{{0,300}})?=>\s*(?:\{{\s*\}}|undefined\b|null\b|void 0)"
)
#: What a component may do: a file of JSX shows nothing this way.
_SHOWS_NOTHING = re.compile(r"(?:\breturn|=>)\s+null\b")
_ASYNC = re.compile(r"\basync(?=\s+function\b|\s*\()")
_DEFAULT = re.compile(r"\bdefault\s*\Z")
_LOOK = 20
_LINES = 400
_QUIET = re.compile(r"(?i)^_|no_?op|nothing|ignore|discard|silent|quiet|null|dummy")
#: What nobody has to listen to.
_HANDLER = re.compile(r"on[A-Z]\w*|(?:\w*[a-z])?(?:Handler|Callback|Listener|Hook)|handler|callback|listener")
_DERIVED = re.compile(r"\bclass\b(?:(?!\bclass\b)[^{;]){0,300}?\b(?:extends|implements)\b[^{]{0,500}\{")
_FUNCTION = re.compile(rf"\bfunction\b\s*(?:\*\s*)?(?:({_NAME})\s*)?(?:<[^(]{{0,300}}>\s*)?\(")
_ARROW = re.compile(rf"\b(?:const|let|var)\s+({_NAME})\s*(?::[^=]{{0,300}})?=\s*(?:async\s*)?(?=\()")
_METHOD = re.compile(rf"(?:^|[;{{}}])[ \t]*(?:(?:static|async|get|set)[ \t]+){{0,4}}({_NAME})\s*\(", re.M)
_NO_METHODS = frozenset(("constructor", "if", "for", "while", "switch", "catch", "function", "return", "super", "with"))
_LEFT_OUT = re.compile(
    r"(?<![\w$.])(?:(?:test|it|describe|suite|t|specify|context)(?:\.(?:concurrent|serial|sequential|each))*\.(?:skip|todo|only|skipIf|runIf|fails|failing)|x(?:it|test|describe|specify|context)|fit|fdescribe)(?:\.each)?\s*[(`]"
    r"|(?<![\w$.])(?:test|it|describe|suite)\s*\(\s*[\"'`][^\n]{0,300}?[\"'`]\s*,\s*\{[^{}]{0,300}?[\"'`]?\b(?:skip|todo|only)[\"'`]?\s*:"
)
_CALLED = re.compile(rf"(?<![\w$])({_NAME})\s*+\(")
_SAME = re.compile(r"\b(?:e|deepE|strictE|deepStrictE)qual\(([^,()]+),([^,()]+)[,)]")


def inspect(path: str, before: str | None, after: str | None, *, is_test: bool) -> tuple[Objection, ...]:
    """See :class:`agent_dispatcher.extension.components.WorkInspector`. Tests that are nested too deeply to be read are not accepted."""
    try:
        return _inspected(path, before, after, is_test)
    except RecursionError as error:
        return (Objection(kind="weakened", path=path, what=f"nobody can tell what it says: {error}"),)


def _inspected(path: str, before: str | None, after: str | None, is_test: bool) -> tuple[Objection, ...]:
    if after is None:
        return (Objection(kind="weakened", path=path, what="the file of tests was deleted"),) if is_test else ()
    known = {each.what for each in _alone(path, before, is_test)} if before is not None else set()
    found = [each for each in _alone(path, after, is_test) if each.what not in known]
    if before is not None and is_test:
        found += _weaker(path, before, after)
        found += touched(path, before, after)
    return tuple(sorted(found, key=lambda each: each.line))


def _alone(path: str, text: str, is_test: bool) -> list[Objection]:
    """What speaks against a text by itself."""
    return [*_stubs(path, text), *(_idle(path, text) if is_test else ())]


def _stubs(path: str, text: str) -> Iterator[Objection]:
    code, kept = masked(text), masked(text, keep_strings=True)
    if text.strip() and not code.strip():
        yield Objection(kind="stub", path=path, line=1, what="it holds nothing but comments")
    # A mark counts only in a comment: there the masked text is blank.
    for match in _MARK.finditer(text):
        if not kept[match.start() : match.end()].strip():
            said = " ".join(match[0].split())[:120]
            yield _stub(path, text, match.end() - 1, f"it says that something is missing: {said!r}")
    for match in _NOT_THERE.finditer(kept):
        if code[match.start()].strip():
            yield _stub(path, text, match.start(), f"it only says that it is not there: {' '.join(match[0].split())!r}")
    components = path.endswith((".jsx", ".tsx"))
    for name, at, end, plain in _empty_functions(code):
        first = max(0, at - _LINES)
        said = text[max(first, text.rfind("\n", first, max(first, text.rfind("\n", first, at))) + 1) : end].lower()
        shows_nothing = components and plain and name[:1].isupper() and _SHOWS_NOTHING.search(code, at, end)
        listens = _QUIET.search(name) or _HANDLER.fullmatch(name)
        if "does nothing" not in said and not listens and not shows_nothing:
            yield _stub(path, text, at, f"{name} does nothing")
    for match in _EMPTY_CLASS.finditer(code):
        yield _stub(path, text, match.start(), f"class {match[1]} holds nothing")


def _stub(path: str, text: str, at: int, what: str) -> Objection:
    return Objection(kind="stub", path=path, line=text.count("\n", 0, at) + 1, what=what)


def _empty_functions(code: str) -> Iterator[tuple[str, int, int, bool]]:
    """(name, where it begins, where it ends, whether it is a plain function: neither a method nor asynchronous)."""
    starts = [match.end() - 1 for match in _DERIVED.finditer(code)]
    ends = [*accumulate((closing(code, start) for start in starts), max)]
    seen = set()
    for pattern in (_FUNCTION, _METHOD, _ARROW):
        for match in pattern.finditer(code):
            callback = (
                pattern is _FUNCTION
                and not match[1]
                and not _DEFAULT.search(code, max(0, match.start() - _LOOK), match.start())
            )
            if match[1] in _NO_METHODS or callback:
                continue
            inside = bisect_left(starts, match.start(1)) if pattern is _METHOD else 0
            if inside and match.start(1) < ends[inside - 1]:
                continue  # it may silence what it overrides
            start = match.end() if pattern is _ARROW else match.end() - 1
            behind = closing(code, start) + 1
            sign = (_NO_ARROW_BODY if pattern is _ARROW else _NO_BODY).match(code, behind)
            at = match.start(1) if match[1] else match.start()
            if sign and at not in seen:
                seen.add(at)
                plain = pattern is not _METHOD and not _ASYNC.search(
                    code, max(0, match.start() - _LOOK), match.end() + 1
                )
                yield match[1] or "the default export", at, sign.end(), plain
    for match in _ARROW_ALONE.finditer(code):
        if match.start(1) not in seen:
            yield match[1], match.start(1), match.end(), not _ASYNC.search(match[0])


def _idle(path: str, text: str) -> Iterator[Objection]:
    """Tests that cannot fail, or are left out."""
    code, kept = masked(text), masked(text, keep_strings=True)
    helpers = _asserting(code, kept)
    functions = {match[1] for pattern in (_FUNCTION, _ARROW) for match in pattern.finditer(code)}
    for test in tests_in(text):
        if test.callback and test.callback not in functions:
            continue  # it stands in another file
        body = f"{test.body} {test.callback}(" if test.callback else test.body
        asserts = bool(test.asserts) or test.waits or any(called[1] in helpers for called in _CALLED.finditer(body))
        if test.cases == 0:
            yield Objection(
                kind="idle",
                path=path,
                line=test.line,
                what=f"the test {test.name!r} has a table without a row: it is not run",
            )
        elif not asserts:
            yield Objection(
                kind="idle", path=path, line=test.line, what=f"the test {test.name!r} asserts nothing: it cannot fail"
            )
        elif test.asserts and all(_cannot_fail(each) for each in test.asserts):
            yield Objection(
                kind="idle", path=path, line=test.line, what=f"the test {test.name!r} asserts only what is always true"
            )
    for match in _LEFT_OUT.finditer(kept):
        if code[match.start()].strip():
            line = text.count("\n", 0, match.start()) + 1
            said = " ".join(text[match.start() : match.start() + 80].split())
            yield Objection(kind="weakened", path=path, line=line, what=f"tests are left out: {said!r}")


def _cannot_fail(assertion: str) -> bool:
    same = _SAME.search(assertion)
    if is_unasked(assertion):
        return True
    return ALWAYS.search(assertion) is not None or (same is not None and same[1] == same[2])


def _asserting(code: str, kept: str) -> set[str]:
    """Functions of the file that assert something."""
    found = set()
    asserted = [match.start() for match in assertion_pattern(kept).finditer(code)]

    def asserts(start: int, stop: int) -> bool:
        at = bisect_left(asserted, start)
        return at < len(asserted) and asserted[at] < stop

    for match in _FUNCTION.finditer(code):
        behind = closing(code, match.end() - 1)
        brace = code.find("{", behind) if behind < len(code) else -1
        if match[1] and brace >= 0 and asserts(brace, closing(code, brace)):
            found.add(match[1])
    for match in _ARROW.finditer(code):
        stop = code.find("\n\n", match.end())
        if asserts(match.end(), stop if stop > 0 else len(code)):
            found.add(match[1])
    return found


def _weaker(path: str, before: str, after: str) -> Iterator[Objection]:
    now: dict[str, list[TestRead]] = {}
    for test in tests_in(after):
        now.setdefault(test.name, []).append(test)
    for old in tests_in(before):
        same = now.get(old.name)
        if not same:
            yield Objection(kind="weakened", path=path, what=f"the test {old.name!r} is gone")
            continue
        new = same.pop(0) if len(same) > 1 else same[0]
        if new.cases < old.cases:
            what = f"the test {old.name!r} has {new.cases} cases, and had {old.cases}"
            yield Objection(kind="weakened", path=path, line=new.line, what=what)
        there, here = set(old.asserts), set(new.asserts)
        lost = [each for each in old.asserts if each not in here]
        if len(new.asserts) < len(old.asserts):
            what = f"the test {old.name!r} asserts less: {len(new.asserts)} instead of {len(old.asserts)} assertions"
            yield Objection(kind="weakened", path=path, line=new.line, what=what)
        elif sum(map(strength, (each for each in new.asserts if each not in there))) < sum(map(strength, lost)):
            what = f"the test {old.name!r} asserts less than {lost[0][:160]!r}"
            yield Objection(kind="weakened", path=path, line=new.line, what=what)
        elif lost:
            what = f"the test {old.name!r} expects something else than {lost[0][:160]!r}"
            yield Objection(kind="changed", path=path, line=new.line, what=what)
