"""How tests in JavaScript assert: what is called for it, how much an assertion says, and which are true whatever happens."""

from __future__ import annotations

import re

__all__ = ["ALWAYS", "assertion_pattern", "strength"]

_NAME = r"[A-Za-z_$][\w$]*"
_FROM_ASSERT = re.compile(
    r"\bimport\s+([^;\"']*?)\s*\bfrom\s*[\"'](?:node:)?(?:assert(?:/strict)?|chai|power-assert)[\"']"
    r"|\b(?:const|let|var)\s+([^=;]+?)=\s*require\(\s*[\"'](?:node:)?(?:assert(?:/strict)?|chai)[\"']\s*\)"
)
_EXACT = re.compile(r"(?:^|[.])(?:strict|deep|deepStrict)?[eE]qual\(|\.(?:toBe|toEqual|toStrictEqual|toMatchObject)\(")
_MERE = re.compile(
    r"\.(?:ok|toBeTruthy|toBeFalsy|toBeDefined|toBeUndefined|doesNotThrow|doesNotReject)\(|^\w+\((?!.*\)\.)"
)
_RAISES = re.compile(r"\.?(?:throws|rejects)\(")

#: Assertions without blanks that are true whatever the code does.
ALWAYS = re.compile(
    r"(?:assert(?:\.strict)?(?:\.ok)?|\bok)\s*\(\s*(?:true|1)\s*[,)]"
    r"|expect\s*\(\s*(true|false|\d+)\s*\)\s*\.\s*(?:toBe|toEqual|toStrictEqual)\s*\(\s*\1\s*\)|expect\((?:true|1)\)\.(?:toBeTruthy|toBeDefined)\(\)"
)


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
    return re.compile(rf"(?<![\w$.])(?:(?:[\w$]+\.)?(?:assert(?:\.strict)?(?:\.\w+)?|expect){given})\s*\(")


def strength(assertion: str) -> int:
    """How much an assertion (without blanks) says: 1 that something is there or true, 2 a relation or that it fails, 3 exactly a value, or how it fails."""
    if _RAISES.search(assertion):
        return 3 if "," in assertion.rpartition("=>")[2] else 2
    if _EXACT.search(assertion):
        return 3
    return 1 if _MERE.search(assertion) else 2
