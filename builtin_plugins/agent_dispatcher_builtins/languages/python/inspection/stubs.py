"""Code that is still to be written: functions without a body, and marks that say so.

What an interface leaves to others is none: abstract methods, protocols, overloads, a method that a class of the same file overrides. A function that is meant
to do nothing says so in its docstring.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator

from agent_dispatcher.extension import Objection

__all__ = ["marks", "stubs"]

_MARK = re.compile(
    r"^#+:?\s*(?:TODO|FIXME|XXX|HACK|TBD)\b|\b(?:TODO|FIXME|XXX)\s*[:(]|(?i:\byour code here\b|\bimplement(?:ation)? (?:this|me|here|goes here)\b)"
)
_ON_PURPOSE = re.compile(
    r"(?i)\b(?:do(?:es)? nothing|nothing to do|no-op|noop|nothing (?:is|has) to be done|intentionally empty)\b"
)
#: ... and a group of a command line, which is its commands.
_LEFT_TO_OTHERS = frozenset(("abstractmethod", "abstractproperty", "overload", "hookspec", "group"))
_INTERFACES = frozenset(("Protocol", "ABC"))

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def stubs(path: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Every function that is a stub, each with a key that stays the same while lines move."""
    return [(f"function {name}", _objection(path, function, name, how)) for name, function, how in _hollow(tree)]


def _objection(path: str, function: _Function, name: str, how: str) -> Objection:
    what = f"{name}() is a stub: {how} (write it; if doing nothing is right, say so in its docstring)"
    return Objection(kind="stub", path=path, line=function.lineno, what=what)


def _hollow(tree: ast.Module) -> Iterator[tuple[str, _Function, str]]:
    """(dotted name, function, what it consists of) for each function that has still to be written."""
    overridden = _overridden(tree)
    waiting: list[tuple[str, ast.AST, bool]] = [("", tree, False)]
    while waiting:
        prefix, node, interface = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                bases = {_last_name(base) for base in (*child.bases, *(word.value for word in child.keywords))}
                is_interface = bool(bases & _INTERFACES) or "ABCMeta" in bases
                waiting.append((f"{prefix}{child.name}.", child, is_interface))
            elif isinstance(child, _Function):
                name = f"{prefix}{child.name}"
                how = _emptiness(child)
                left = {_last_name(each) for each in child.decorator_list} & _LEFT_TO_OTHERS
                if how and not left and not interface and name not in overridden:
                    yield name, child, how
            elif not isinstance(child, ast.expr):
                waiting.append((prefix, child, interface))


def _emptiness(function: _Function) -> str:
    """What a function that does nothing consists of, ``""`` for one that does something."""
    body, docstring = function.body, ast.get_docstring(function)
    if docstring is not None:
        body = body[1:]
    if docstring and _ON_PURPOSE.search(docstring):
        return ""
    if not body:
        return "it has a docstring and no body"
    if len(body) > 1 and all(_is_nothing(each) for each in body):
        return "its body does nothing"
    only = body[0]
    if isinstance(only, ast.Raise) and only.exc is not None and _last_name(only.exc) == "NotImplementedError":
        return "it raises NotImplementedError"
    if len(body) == 1 and isinstance(only, ast.Pass):
        return "its body is 'pass'"
    if len(body) == 1 and _is_nothing(only):
        return "its body is '...'"
    return ""


def _is_nothing(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def _overridden(tree: ast.Module) -> set[str]:
    """``Class.method`` for every method that a class of the same file, derived from that class, defines again."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    names: set[str] = set()
    for node in classes.values():
        own = {each.name for each in node.body if isinstance(each, _Function)}
        for base in node.bases:
            if _last_name(base) in classes:
                names |= {f"{_last_name(base)}.{each}" for each in own}
    return names


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def marks(path: str, text: str) -> list[tuple[str, Objection]]:
    """Comments that say that something is missing."""
    seen: Counter[str] = Counter()
    found = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and _MARK.search(token.string):
                comment = " ".join(token.string.split())
                seen[comment] += 1
                what = f"a comment says that something is missing: {comment[:120]!r}"
                objection = Objection(kind="stub", path=path, line=token.start[0], what=what)
                found.append((f"comment {comment} {seen[comment]}", objection))
    except (tokenize.TokenError, SyntaxError):
        return found
    return found
