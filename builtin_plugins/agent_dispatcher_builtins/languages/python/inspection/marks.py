"""Comments and docstrings that say that something is missing."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter

from agent_dispatcher.extension import Objection

__all__ = ["marks"]

#: What a comment begins with, or says anywhere: in words of its own, not in a quotation.
_MARK = re.compile(
    r"^#+:?\s*(?:TODO|FIXME|XXX|HACK|TBD)\b|\b(?:TODO|FIXME|XXX)\s*[:(]"
    r"|(?i:^#+\s*to-?do\s*[:(]|\byour (?:code|implementation) (?:goes )?here\b|\bimplementation goes here\b"
    r"|^#+\s*(?:please )?implement (?:this|me|here|it)\b(?!\s+(?:by|with|as|in|using|via)\b)"
    r"|^#+\s*(?:this is )?not (?:yet )?implemented(?: yet)?\W*$|^#+\s*(?:a )?placeholder (?:(?:implementation|logic|value|code)(?: for now)?|for now)\W*$"
    r"|^#+\s*(?:\.{3}|…)?\s*(?:the )?(?:rest of (?:the|this) (?:code|file|implementation|class|function|methods?)|(?:existing|remaining) code)\b[\w ]*(?:\.{3}|…|\W*$))"
)
#: ... which may as well be a word of the subject, unless what follows it is a result.
_PLACEHOLDER = re.compile(r"(?im)^\s*#+\s*(?:a )?placeholder\W*\n\s*(?:return|pass|\.\.\.)(?!\w)")
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|“[^”\n]*”")
_IN_DOCSTRING = re.compile(r"(?m)^\s*(?:TODO|FIXME)\s*(?:[:(]|\W?$)")


def marks(path: str, text: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Each with a key that stays the same while lines move."""
    seen: Counter[str] = Counter()
    found = []
    held = {text.count("\n", 0, text.index("#", each.start())) + 1 for each in _PLACEHOLDER.finditer(text)}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (
                _MARK.search(_QUOTED.sub("''", token.string)) or token.start[0] in held
            ):
                comment = " ".join(token.string.split())
                seen[comment] += 1
                what = f"a comment says that something is missing: {comment[:120]!r}"
                objection = Objection(kind="stub", path=path, line=token.start[0], what=what)
                found.append((f"comment {comment} {seen[comment]}", objection))
    except (tokenize.TokenError, SyntaxError):
        return found
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            missing = _IN_DOCSTRING.search(ast.get_docstring(node) or "")
            if missing is not None:
                name = getattr(node, "name", "the file")
                what = f"the docstring of {name} says that something is missing: {missing[0].strip()!r}"
                objection = Objection(kind="stub", path=path, line=getattr(node, "lineno", 1), what=what)
                found.append((f"docstring {name} {missing[0].strip()}", objection))
    return found
