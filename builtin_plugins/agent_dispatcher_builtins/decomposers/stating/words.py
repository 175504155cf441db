"""Pieces of patterns that several readers of requirements are made of. English, and German where a word has no other meaning."""

from __future__ import annotations

import re

__all__ = ["GETS", "IDENTIFIER", "KIND", "MAKES", "NAMED", "USES"]

IDENTIFIER = r"[A-Za-z_$][\w$]*"
KIND = (
    r"(?P<kind>functions?|coroutines?|generators?|decorators?|class(?:es)?|data\s?class(?:es)?|enums?|exceptions?|constants?|methods?"
    r"|Funktion(?:en)?|Klassen?|Methoden?|Konstanten?|Ausnahmen?)"
)
NAMED = r"(?:\s+(?:named|called|namens))?"
MAKES = (
    r"(?:gets?|has|have|be|provides?|offers?|defines?|adds?|contains?|exports?|exposes?|implements?|includes?|creates?|writes?|needs?|gives?|makes?"
    r"|bekommt|erhält|hat|haben|enthält|bietet|definiert|there\s+is|there\s+are|es\s+gibt)"
)
GETS = (
    r"(?:gets|has|provides|offers|defines|contains|exports|exposes|implements|includes|bekommt|erhält|hat|enthält|bietet|definiert"
    r"|(?:must|shall|should|muss)\s+(?:have|provide|offer|define|contain|export|expose|implement|include|get))"
)
#: Before a name: it is used, and not made.
USES = re.compile(
    r"\b(?:calls?|calling|uses?|using|via|like|unlike|from|through|runs?|of|than|nutzt|verwendet)\s+(?:[\w-]+\s+){0,2}$",
    re.IGNORECASE,
)
