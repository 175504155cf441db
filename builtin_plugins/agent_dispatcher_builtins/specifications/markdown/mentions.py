"""What a task's own words say it waits for: ``(depends on #3)``, ``after 1.2``, ``Dependencies: T001, T002``.

Only a name that could be nothing else counts. ``Retry after 5 seconds`` and ``depends on 2 services`` name no task, and neither does
``does not depend on #3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

__all__ = ["Mention", "mentions"]

_ID = r"[A-Z][A-Z0-9]{0,9}-?\d{1,5}(?:\.\d{1,4})*[a-z]?|\d{1,4}(?:\.\d{1,4})*"
_WORD = r"(?i:tasks?|steps?|items?|タスク|任务|任務|작업|tarefas?|задач\w*)"
_NAME = rf"[*_`\[(]*(?:{_WORD}\s*)?\#?(?:{_ID})[*_`\])]*"
_AND = r"\s*(?:,\s*and\b|,|;|&|\+|/|\band\b|\bund\b|\be\b|\by\b|и\b|、|と|和|및)\s*"
_RANGE = r"\s*(?:-|–|—|\bto\b|\bthrough\b|〜|~)\s*"
#: After the last name nothing may go on that would make it something else: ``1.2 seconds``, ``#3rd``.
_END = r"(?=\s*(?:$|[)\].,;:!*_|]|\(|—|–|\s-\s|\bis\b|\bare\b|完了|完成))"
_LIST = rf"(?P<list>{_NAME}(?:(?:{_AND}|{_RANGE}){_NAME})*){_END}"
_SURE = r"(?i:depend(?:s|ent|ing|encies|ency)?(?:\s+up)?(?:\s+on)?|blocked[\s-]+by|prerequisites?|prereqs?|deps|depende\s+de|зависит\s+от|依存|依赖于?|依賴於?|의존)"
_LESS_SURE = r"(?i:after|requires?|needs|once|following|depois\s+de|após|после|のあとに?)"
_LABEL = r"[*_`]*\s*[:：]?\s*[*_`]*\s*(?i:on\s+)?"
_SAYS = re.compile(rf"(?<![\w-])(?:(?P<sure>{_SURE})|(?P<less>{_LESS_SURE})){_LABEL}{_LIST}")
_NOT = re.compile(r"(?:\bnot|n['’]t|\bno\s+longer|\bnever|\bwithout|\bnão|\bне)\s*[*_]*$", re.IGNORECASE)
_EACH = re.compile(rf"(?P<word>{_WORD}\s*)?(?P<hash>\#)?(?P<id>{_ID})")
_BETWEEN = re.compile(_RANGE, re.IGNORECASE)
_CODE = re.compile(r"``[^`\n]*``|`[^`\n]*\s[^`\n]*`")
_LONGEST = 4000
_WIDEST = 200


@frozen
class Mention:
    """A name that a text says comes first.

    Attributes:
        line: where.
        surely: whether it can mean nothing but a task (``depends on T3``, ``after #3``); ``after T3`` names one only if there is such a task.
    """

    name: str
    line: int
    surely: bool = False


def mentions(text: str, line: int) -> Iterator[Mention]:
    """What a text names, in its order.

    Args:
        text: lines of a task.
        line: of the first of them.
    """
    for number, each in enumerate(text[:_LONGEST].split("\n"), line):
        plain = " ".join(_CODE.sub(" ", each).split())
        for found in _SAYS.finditer(plain):
            if _NOT.search(plain[max(0, found.start() - 20) : found.start()]):
                continue
            for name, surely in _names(found["list"], sure=bool(found["sure"]), verb=(found["less"] or "").lower()):
                yield Mention(name, number, surely)


def _names(listed: str, *, sure: bool, verb: str) -> Iterator[tuple[str, bool]]:
    said = bool(re.match(rf"[*_`\[(]*{_WORD}", listed))
    before: re.Match[str] | None = None
    for found in _EACH.finditer(listed):
        name = found["id"]
        if not (sure or said or _unmistakable(found, verb)):
            return
        if before is not None and _BETWEEN.fullmatch(listed[before.end() : found.start()].strip("*_`[]()")):
            yield from ((each, False) for each in _between(before["id"], name))
        yield name, bool(sure or found["hash"] or found["word"])
        before = found


def _unmistakable(found: re.Match[str], verb: str) -> bool:
    """Whether a name can be nothing but a task's: ``#3``, ``task 3``, ``T003``, and behind *after* also ``1.2``."""
    name = found["id"]
    if found["hash"] or found["word"] or (name[0].isalpha() and any(sign.isdigit() for sign in name)):
        return True
    return "." in name and verb not in ("requires", "require", "needs", "once")


def _between(first: str, last: str) -> Iterator[str]:
    """``T003``, ``T004`` for ``T002-T005``; nothing for what is not of one kind."""
    left, right = re.fullmatch(r"(.*?)(\d+)", first), re.fullmatch(r"(.*?)(\d+)", last)
    if left is None or right is None or (right[1] and left[1] != right[1]):
        return
    for number in range(int(left[2]) + 1, min(int(right[2]), int(left[2]) + _WIDEST)):
        yield f"{left[1]}{number:0{len(left[2]) if left[2].startswith('0') else 0}d}"
