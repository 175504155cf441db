"""Comments and docstrings that say that something is missing."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from agent_dispatcher.extension import Objection

from .docstrings import docstring

__all__ = ["marks"]

#: What a comment begins with, or says anywhere: in words of its own, not in a quotation.
_MARK = re.compile(
    r"^#+:?\s*(?:TODO|FIXME|XXX|HACK|TBD)\b|\b(?:TODO|FIXME|XXX)\s*[:(]"
    r"|(?i:^#+\s*to-?do\s*[:(]|\byour (?:code|implementation) (?:goes )?here\b|\bimplementation goes here\b"
    r"|^#+\s*(?:please )?implement (?:this|me|here|it)\b(?!\s+(?:by|with|as|in|using|via)\b)"
    r"|^#+\s*(?:this is )?not (?:yet )?implemented(?: yet)?\W*$|^#+\s*(?:a )?placeholder (?:(?:implementation|logic|value|code)(?: for now)?|for now)\W*$"
    r"|^#+\s*+(?:\.{3}|…)?\s*+(?:the )?(?:rest of (?:the|this) (?:code|file|implementation|class|function|methods?)|(?:existing|remaining) code)\b[\w ]*+(?:\.{3}|…|\W*$))"
)
#: ... which may as well be a word of the subject, unless what follows it is a result.
_PLACEHOLDER = re.compile(r"(?i)#+[ \t]*(?:a )?placeholder\W*")
_RESULTS = frozenset(("return", "pass", "..."))
_LAYOUT = frozenset((tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT))
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|“[^“”\n]*”")
_IN_DOCSTRING = re.compile(r"(?m)^[ \t]*(?:TODO|FIXME)\s*(?:[:(]|\W?$)")


def marks(path: str, text: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Each with a key that stays the same while lines move. The work grows with the length of the text, whatever it says."""
    seen: Counter[str] = Counter()
    found = []
    for line, said in _missing(text):
        comment = " ".join(said.split())
        seen[comment] += 1
        what = f"a comment says that something is missing: {comment[:120]!r}"
        objection = Objection(kind="stub", path=path, line=line, what=what)
        found.append((f"comment {comment} {seen[comment]}", objection))
    for node in ast.walk(tree):
        missing = _IN_DOCSTRING.search(docstring(node) or "")
        if missing is not None:
            name = getattr(node, "name", "the file")
            what = f"the docstring of {name} says that something is missing: {missing[0].strip()!r}"
            objection = Objection(kind="stub", path=path, line=getattr(node, "lineno", 1), what=what)
            found.append((f"docstring {name} {missing[0].strip()}", objection))
    return found


def _missing(text: str) -> Iterator[tuple[int, str]]:
    """(line, comment) for each comment that says that something is missing, as far as the text can be read."""
    held: tuple[int, str] | None = None
    alone = True
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                if _MARK.search(_QUOTED.sub("''", token.string)):
                    held = None
                    yield token.start[0], token.string
                elif alone and _PLACEHOLDER.fullmatch(token.string):
                    held = token.start[0], token.string
                elif any(map(str.isalnum, token.string)):
                    held = None
            elif token.type not in _LAYOUT:
                if held is not None and token.string in _RESULTS:
                    yield held
                held = None
            alone = token.type in _LAYOUT or (alone and token.type == tokenize.COMMENT)
    except (tokenize.TokenError, SyntaxError):
        return
