"""Literals apart from code, in one quick pass, and the words in them: what files refer to stands in literals, and the code around says what each is for."""

from __future__ import annotations

import re

from attrs import frozen

__all__ = ["UNCLOSED", "WORD", "References", "apart", "words_in"]

#: A word that could be the name of a file.
WORD = re.compile(r"[\w$-]+")

_LEXEME = re.compile(r"""//[^\n]*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[`{}]|/(?![/*])""", re.S)
_PATTERN = re.compile(r"/(?>(?:\\.|\[(?>(?:\\.|[^\]\\\n])*)\]|[^/\\\n\[])+)/[a-z]*")
#: ... in which no class of letters stands.
_PLAIN_PATTERN = re.compile(r"/(?>(?:\\.|[^/\\\n\[])+)/[a-z]*")
_CHUNK = re.compile(r"(?:\\.|\$(?!\{)|[^\\`$])*", re.S)
_BEFORE_PATTERN = re.compile(
    r"(?:^|[=(,;:?!&|{}\[+\-*%~^>]|\b(?:return|typeof|case|in|of|delete|void|throw|new|await|yield|else|do))\s*\Z"
)
#: At the end of code of which a text or an expression in it is not closed.
UNCLOSED = "\0"


@frozen
class References:
    """What a text refers to.

    Attributes:
        modules: specifiers of modules, as they are written.
        words: words of what else could be the name of a file.
        literals: texts without blanks, as they are written: patterns, folders, endings.
        unknown: what in it may come upon files that it does not name; ``""`` for nothing.
    """

    modules: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    literals: frozenset[str] = frozenset()
    unknown: str = ""


def apart(text: str) -> tuple[str, list[str], list[str]]:
    """Code in which literals are numbers and comments blanks, the literals, and the comments. Texts with expressions in them are several, and added up."""
    code: list[str] = []
    literals: list[str] = []
    comments: list[str] = []
    open_templates: list[int] = []
    at = 0
    #: Where one pattern on a line does not end, no later one with a class in it does: both come to the same places.
    plain_until = 0

    def literal(value: str) -> None:
        code.append(f'"{len(literals)}"')
        literals.append(value)

    def template(start: int) -> int:
        chunk = _CHUNK.match(text, start)
        end = chunk.end() if chunk else start
        literal(text[start:end])
        if end >= len(text):
            open_templates.append(0)
        if text.startswith("${", end):
            open_templates.append(0)
            code.append("+(")
            return end + 2
        return end + 1

    while found := _LEXEME.search(text, at):
        start, lexeme = found.start(), found[0]
        code.append(text[at:start])
        at = found.end()
        if lexeme.startswith(("//", "/*")):
            comments.append(lexeme)
            code.append(" ")
        elif lexeme[0] in "'\"":
            literal(lexeme[1:-1] if len(lexeme) > 1 and lexeme[-1] == lexeme[0] else lexeme[1:])
        elif lexeme == "`":
            at = template(at)
        elif lexeme == "/":
            pattern = None
            if _BEFORE_PATTERN.search("".join(code[-3:])[-40:]):
                pattern = (_PLAIN_PATTERN if start < plain_until else _PATTERN).match(text, start)
                if pattern is None and start >= plain_until:
                    plain_until = text.find("\n", start) % (len(text) + 1)
            code.append("/ /" if pattern else "/")
            at = pattern.end() if pattern else at
        elif open_templates and lexeme == "}" and not open_templates[-1]:
            open_templates.pop()
            code.append(")+")
            at = template(at)
        else:
            if open_templates:
                open_templates[-1] += 1 if lexeme == "{" else -1
            code.append(lexeme)
    code.append(text[at:])
    if open_templates:
        code.append(UNCLOSED)
    return "".join(code), literals, comments


def words_in(literals: list[str]) -> frozenset[str]:
    """Words of texts that could be names. Of a text with blanks, which is said to somebody, only what looks like a path."""
    found: set[str] = set()
    for each in literals:
        parts = each.split()
        if len(parts) > 1:
            parts = [part for part in parts if "/" in part or "." in part.strip(".,:;!?()'\"")]
        for part in parts:
            found.update(WORD.findall(part))
    return frozenset(found)
