"""What a requirement says is to go, or is not to be: *remove the function `old`*, *`a.py` is replaced by `b.py`*, *must not have `f(x)`*."""

from __future__ import annotations

import re

from .words import GETS

__all__ = ["LEAVES", "NOT_NEW", "STAYS", "takes"]

_LOOK_BACK = 400
#: Behind one of several, what they all do: *`a.py` and `b.py` must ...*; behind one, *`old` in `a.py` is ...*.
_LISTED = (
    r"^[`)]*(?:(?:(?:,|,?\s(?:and|or|und|oder)\b)\s?(?:the\s|die\s)?`[^`\n]+`){1,4}(?=[^`.;]{0,30}(?:`[^`\n]+`\)?)?\s*(?:must|shall|should|are|were|müssen|werden)\b))?"
    r"(?:\s*\(?(?:in|inside|of|from)\s+(?:the\s+)?(?:module\s+|file\s+|Datei\s+)?`?[\w./-]+`?\)?)?"
)
_VERB = r"\s*(?:(?:must|shall|should|may|can|is|are|was|were|stays?|remains?|muss|müssen|bleibt|wird|werden)\s+)+(?:be\s+|have\s+been\s+)?"
_GONE = (
    r"(?:removed|deleted|renamed|moved|replaced|dropped|split|merged|converted|gone|no\s+longer\s+(?:exist|there|needed|used)"
    r"|entfernt|gelöscht|umbenannt|verschoben|ersetzt)\b"
)
_AWAY = r"|\s*(?:goes|go)\s+away\b|\s*no\s+longer\s+exists?\b"
STAYS = re.compile(
    rf"{_LISTED}{_VERB}(?:not\b|never\b|as\b|stay|remain|unchanged|untouched|nicht\b|unver)", re.IGNORECASE
)
LEAVES = re.compile(rf"{_LISTED}(?:{_VERB}{_GONE}{_AWAY})", re.IGNORECASE)
#: What stands behind a name that goes, or is there already.
NOT_NEW = re.compile(
    rf"{_LISTED}(?:{_VERB}(?:(?:not|never|nicht|nie)\s+(?:be\s+)?)?(?:{_GONE}|(?:used|called|raised|returned|passed|imported|verwendet|genutzt)\b){_AWAY})",
    re.IGNORECASE,
)
#: What takes away what follows it in its clause; not what a function does (*that removes blanks*) or a user may do (*wants to delete one*).
_TAKES = re.compile(
    r"(?<!\bthat\s)(?<!\bwhich\s)(?<!\bwants\sto\s)(?<!\bwant\sto\s)(?<!\bable\sto\s)(?<!\bcan\s)(?<!\bmay\s)"
    r"(?:\b(?P<verb>remov(?:es?|ed|ing)|delet(?:es?|ed|ing)|drop(?:s|ped|ping)?|renam(?:es?|ed|ing)|replac(?:es?|ed|ing)|mov(?:es?|ed|ing)"
    r"|split(?:s|ting)?|merg(?:es?|ed|ing)|convert(?:s|ed|ing)?|entfern\w*|lösch\w*|ersetz\w*|verschieb\w*)\b(?!-)"
    r"|\b(?:no\s+longer|(?:must|shall|should|may)\s+not|never|nicht\s+mehr|darf\s+nicht|nie(?:mals)?)\b(?:\s+\w+)?)",
    re.IGNORECASE,
)
#: ... up to here.
_TAKEN = re.compile(rf"[.;](?:\s|$)|\b(?:{GETS}|adds?|creates?|writes?|introduces?)\b", re.IGNORECASE)
_INSTEAD = re.compile(r"->|→|\b(?:to|by|with|into|durch|mit|nach)\b", re.IGNORECASE)
_CODE_SPAN = re.compile(r"`[^`\n]*`")


def takes(text: str, end: int) -> bool:
    """Whether what stands before a file or a name takes it away, or forbids it; what replaces another (*to*, *by*, *with*, *into*) comes."""
    before = text[max(0, end - _LOOK_BACK) : end].rstrip("`")
    if before.count("`") % 2:
        before = before.partition("`")[2]  # cut within some code
    plain = _CODE_SPAN.sub(lambda span: " " * len(span[0]), before)
    found = list(_TAKES.finditer(plain))[-1:]
    if not found or _TAKEN.search(plain[found[0].end() :]):
        return False
    start, between = plain[: found[0].start()].rstrip(), plain[found[0].end() :]
    if not found[0]["verb"]:
        return True
    if start and start[-1] not in ".;:," and "(" in between:
        return False  # what the product takes away: *must remove old entries (`purge(now)` in `cache.py`)*
    return not _INSTEAD.search(between)
