"""How tests in JavaScript assert: what is called for it, how much an assertion says, and which are true whatever happens."""

from __future__ import annotations

import re

from .text import closing, masked

__all__ = ["ALWAYS", "assertion_pattern", "is_unasked", "strength"]

_NAME = r"[A-Za-z_$][\w$]*"
_FROM_ASSERT = re.compile(
    r"\bimport\b((?:(?!\bimport\b)[^;\"']){0,2000}?)\bfrom\s*+[\"'](?:node:)?(?:assert(?:/strict)?|chai|power-assert)[\"']"
    r"|\b(?:const|let|var)\b([^=;]{1,500})=\s*+require\(\s*[\"'](?:node:)?(?:assert(?:/strict)?|chai)[\"']\s*\)"
)
_EXACT = re.compile(r"(?:^|[.])(?:strict|deep|deepStrict)?[eE]qual\(|\.(?:toBe|toEqual|toStrictEqual|toMatchObject)\(")
_MERE = re.compile(
    r"\.(?:ok|toBeTruthy|toBeFalsy|toBeDefined|toBeUndefined|doesNotThrow|doesNotReject)\(|^\w+\((?!.*\)\.)"
)
_RAISES = re.compile(r"\.?(?:throws|rejects)\(")

_VALUE = r"(?:true|false|null|undefined|-?\d+(?:\.\d+)?|\"(?:\\\\.|[^\"\\\\])*\"|\[\]|\{\})"
#: Assertions without blanks that are true whatever the code does.
ALWAYS = re.compile(
    r"(?:assert(?:\.strict)?(?:\.ok)?|\bok)\s*\(\s*(?:true|1|\"[^\"]+\")\s*[,)]"
    rf"|expect\(({_VALUE})(?:,\"[^\"]*\")?\)\.(?:to\.)?(?:toBe|toEqual|toStrictEqual|equal|eql|eq|be\.equal|deep\.equal)\(\1\)"
    r"|expect\((?:true|[1-9]\d*|\"[^\"]+\")\)\.(?:toBeTruthy|toBeDefined|to\.be\.ok|to\.be\.true|to\.exist)\b"
    rf"|expect\({_VALUE}\)\.to(?:Match(?:Inline)?Snapshot|ThrowErrorMatchingSnapshot)\("
    r"|expect\(([\w$.]+)\)\.(?:not\.)?(?:to\.)?(?:toBe|toEqual|toStrictEqual|equal|eql|eq|be\.equal|deep\.equal)\(\2\)"
)
#: ``expect`` without a question, or with one that is not put: only some libraries ask by a mere property.
_UNASKED = re.compile(
    r"(?:\.(?:not|resolves|rejects|to|be|have|deep))*(?:\.to(?:Be|Equal|StrictEqual|BeTruthy|BeFalsy|BeDefined|BeNull|Throw|HaveBeenCalled|Contain))?"
)
#: Functions of other files that are said to assert.
_BY_NAME = r"(?:expect|assert|check|verify|should|ensure)[A-Z]\w*"
#: What fails when something is not to be seen, and what is put behind a request.
_FINDING = r"(?:screen|within\([^()]*\)|[\w$]+)\.(?:getBy|getAllBy|findBy|findAllBy)\w+"


def is_unasked(assertion: str) -> bool:
    """Whether something is expected, and nothing of it."""
    code = masked(assertion)
    return code.startswith("expect(") and _UNASKED.fullmatch(code, closing(code, len("expect")) + 1) is not None


def assertion_pattern(text: str) -> re.Pattern[str]:
    """What asserts something in a file whose text (without comments) is given: ``assert`` and ``expect`` in their forms, and by the names under which
    the file takes them."""
    names: set[str] = set()
    for match in _FROM_ASSERT.finditer(text):
        taken = match[1] or match[2] or ""
        names |= {
            re.split(r"\s+as\s+|\s*:\s*", each.strip())[-1].strip()
            for each in re.split(r"[{},]", taken)
            if each.strip()
        }
    words = sorted(
        re.escape(name.lstrip("*").strip()) for name in names if re.fullmatch(_NAME, name.lstrip("*").strip())
    )
    given = "".join(rf"|{word}(?:\.\w+)*" for word in words)
    named = rf"(?:[\w$]+\.)?(?:assert(?:\.strict)?(?:\.\w+)?|expect(?:\.(?:soft|poll))?){given}|{_BY_NAME}|{_FINDING}"
    chained = r"(?<=\))\s*\.expect|\.should\s*\.[\w.]*\w|\bt\.(?:is|deepEqual|true|false|not|throws|like|pass|fail)"
    return re.compile(rf"(?:(?<![\w$.])(?:{named})|{chained})\s*\(")


def strength(assertion: str) -> int:
    """How much an assertion (without blanks) says: 1 that something is there or true, 2 a relation or that it fails, 3 exactly a value, or how it fails."""
    if _RAISES.search(assertion):
        return 3 if "," in assertion.rpartition("=>")[2] else 2
    if _EXACT.search(assertion):
        return 3
    return 1 if _MERE.search(assertion) else 2
