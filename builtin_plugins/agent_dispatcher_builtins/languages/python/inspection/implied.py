"""What of a test runs code of others without a call: attributes, items, operators, loops, imports. Pure reading: nothing is run here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterable, Iterator

__all__ = ["implied", "operands"]

_TOOLS = sys.stdlib_module_names | {"pytest", "mock", "hypothesis"}
_SAMENESS = (ast.Is, ast.IsNot)


def implied(
    nodes: Iterable[ast.AST],
    modules: Iterable[str],
    harmless: Callable[[ast.Call], bool],
    patch: Callable[[ast.AST], bool],
) -> Iterator[ast.AST]:
    """What decides whether others are reached: each part whose own code would be run; imports of more than tools of tests themselves.

    Args:
        modules: names of modules: to name a part of one runs nothing, nor does one of ``self``.
        harmless: whether a call reaches nothing, so that how it is named says nothing.
        patch: ... or makes a patch: what it is given is not looked at.
    """
    plain = {*modules, "self"}
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        if patch(node):
            continue
        if isinstance(node, ast.Call) and harmless(node):
            waiting += [*node.args, *node.keywords]
            continue
        named = isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and isinstance(node.value, ast.Name)
        if not (named and isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in plain):
            yield from (each for each in _asked(node) if not isinstance(each, ast.Call))
        waiting += ast.iter_child_nodes(node)


def _asked(node: ast.AST) -> list[ast.AST]:
    """The parts of a node whose own code it runs; calls are told from calls."""
    if isinstance(node, ast.Attribute | ast.Subscript | ast.Await | ast.Starred | ast.FormattedValue):
        return [node.value]
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        return [node.iter]
    if isinstance(node, ast.withitem):
        return [node.context_expr]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.UnaryOp):
        return [node.operand]
    if isinstance(node, ast.AugAssign):
        return [node.target, node.value]
    if isinstance(node, ast.Compare):
        return [] if all(isinstance(op, _SAMENESS) for op in node.ops) else [node.left, *node.comparators]
    if isinstance(node, ast.Import):
        return [] if {each.name.partition(".")[0] for each in node.names} <= _TOOLS else [node]
    if isinstance(node, ast.ImportFrom):
        return [] if not node.level and (node.module or "").partition(".")[0] in _TOOLS else [node]
    return []


def operands(nodes: Iterable[ast.AST]) -> Iterator[list[ast.expr]]:
    """What stands between the operators of each expression, all of a chain at once."""
    chains = [each for each in nodes if isinstance(each, ast.BinOp)]
    inner = {id(side) for each in chains for side in (each.left, each.right)}
    for node in chains:
        if id(node) in inner:
            continue
        waiting: list[ast.expr] = [node]
        found: list[ast.expr] = []
        while waiting:
            each = waiting.pop()
            if isinstance(each, ast.BinOp):
                waiting += [each.left, each.right]
            else:
                found.append(each)
        yield found
