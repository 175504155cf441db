"""Statements of a test that are never come to, whatever the code under test does: behind a return, below a condition that is false, in a loop over nothing."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator

__all__ = ["unreached"]

_ENDS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
Truth = Callable[[ast.expr], bool | None]


def unreached(body: list[ast.stmt], truth: Truth) -> frozenset[int]:
    """The ids of all nodes in such statements; ``truth`` tells what a condition is whatever happens, ``None`` when it depends."""
    return frozenset(id(node) for statement in _dead(body, truth, _empty_names(body)) for node in ast.walk(statement))


def _dead(body: list[ast.stmt], truth: Truth, empty: frozenset[str]) -> Iterator[ast.stmt]:
    ended = False
    for statement in body:
        if ended:
            yield statement
            continue
        ended = isinstance(statement, _ENDS)
        never = always = False
        if isinstance(statement, ast.If | ast.While):
            never, always = truth(statement.test) is False, truth(statement.test) is True
        elif isinstance(statement, ast.For):
            never = _is_empty(statement.iter, empty)
        for name in ("body", "orelse", "finalbody"):
            inner = getattr(statement, name, None)
            if not isinstance(inner, list) or isinstance(
                statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
            ):
                continue
            if (never and name == "body") or (always and name == "orelse" and isinstance(statement, ast.If)):
                yield from inner
            else:
                yield from _dead(inner, truth, empty)
        for handler in getattr(statement, "handlers", ()):
            yield from _dead(handler.body, truth, empty)


def _is_empty(node: ast.expr, empty: frozenset[str]) -> bool:
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return not node.elts
    if isinstance(node, ast.Dict):
        return not node.keys
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        nothing = not node.args and node.func.id in ("list", "tuple", "set", "dict")
        none = len(node.args) == 1 and isinstance(node.args[0], ast.Constant) and node.args[0].value == 0
        return not node.keywords and (nothing or (node.func.id == "range" and none))
    return (isinstance(node, ast.Constant) and node.value == "") or (isinstance(node, ast.Name) and node.id in empty)


def _empty_names(body: list[ast.stmt]) -> frozenset[str]:
    """Names that are bound to nothing, and used only to go through."""
    nodes = [node for statement in body for node in ast.walk(statement)]
    used = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    through = {node.iter.id for node in nodes if isinstance(node, ast.For) and isinstance(node.iter, ast.Name)}
    return frozenset(
        target.id
        for node in nodes
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and _is_empty(node.value, frozenset())
        for target in node.targets
        if isinstance(target, ast.Name) and target.id in through and used[target.id] == 2
    )
