"""What a test claims: its assertions with their strength, whether they can fail, and whether a failure would be told."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import evolve, frozen

from .grounds import Grounds
from .written import key, written

__all__ = ["Claim", "claims_in", "constant_truth", "last_name", "swallowed_in"]

#: How much an assertion says: nothing, that something is there or true, a relation, about a value, exactly a value.
NOTHING, TRUTH, RELATION, NEARLY, EXACT = range(5)

_EXACT_METHODS = re.compile(
    r"assert(?:Equal|Is|DictEqual|ListEqual|TupleEqual|SetEqual|SequenceEqual|MultiLineEqual|CountEqual)$"
)
_NEAR = frozenset(("approx", "isclose", "allclose"))
_RAISING = frozenset(
    ("raises", "warns", "assertRaises", "assertRaisesRegex", "assertWarns", "assertLogs", "deprecated_call")
)
_BROAD = frozenset(("Exception", "BaseException"))
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda left, right: left in right,
    ast.NotIn: lambda left, right: left not in right,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}
_With = ast.With | ast.AsyncWith
#: What is meant as an assertion of a double: without brackets it is none, and by the wrong name any double says yes.
_UNCALLED = re.compile(r"assert_\w+$")
_ALWAYS_TRUE = frozenset(("called_once", "called_once_with", "called_with", "has_calls", "any_call", "not_called"))
_TOLERANCES = frozenset(("rel", "abs", "rel_tol", "abs_tol", "rtol", "atol", "delta"))


@frozen(kw_only=True)
class Claim:
    """One assertion.

    Attributes:
        text: as ``ast`` writes it, so that layout does not matter.
        strength: ``NOTHING`` to ``EXACT``.
        tolerance: the largest it allows, 0 for none.
        can_fail: whether there is anything for it to find out.
        why: if not, and where it does not say so by itself.
    """

    text: str
    line: int
    strength: int
    tolerance: float = 0.0
    can_fail: bool = True
    why: str = ""


def claims_in(
    body: list[ast.stmt], grounds: Grounds | None = None, dead: frozenset[int] = frozenset()
) -> Iterator[Claim]:
    """Assertions in their order; ``grounds`` and ``dead`` tell which of them cannot fail for what surrounds them."""
    around = {
        id(item.context_expr): node.body for node in _nodes(body) if isinstance(node, _With) for item in node.items
    }
    for node in _nodes(body):
        claim = None
        if isinstance(node, ast.Assert):
            claim = _claim_of(node.test, node)
        elif isinstance(node, ast.Call):
            claim = _claim_of_call(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Attribute) and _UNCALLED.match(node.value.attr):
            yield Claim(text=written(node), line=node.lineno, strength=NOTHING, can_fail=False, why="it is not called")
        if claim is None:
            continue
        why = ""
        if id(node) in dead:
            why = "it is never come to"
        elif (
            isinstance(node, ast.Assert)
            and isinstance(node.test, ast.Call)
            and last_name(node.test.func) in _ALWAYS_TRUE
        ):
            why = "a double says yes to it whatever happened"
        elif grounds is not None and claim.can_fail and _is_idle(node, grounds, around):
            why = "it depends on nothing but the test itself"
        yield evolve(claim, can_fail=False, why=why) if why else claim


def _is_idle(node: ast.AST, grounds: Grounds, around: dict[int, list[ast.stmt]]) -> bool:
    """Whether an assertion depends on nothing but the test itself."""
    if isinstance(node, ast.Assert):
        return constant_truth(node.test) is None and grounds.depends_on_nothing([node.test])
    if not isinstance(node, ast.Call) or last_name(node.func) == "fail":
        return False
    return grounds.depends_on_nothing(grounds.looked_at(node, around.get(id(node))))


def _nodes(body: list[ast.stmt]) -> Iterator[ast.AST]:
    return (node for statement in body for node in ast.walk(statement))


def _claim_of(test: ast.expr, node: ast.Assert) -> Claim:
    constant = constant_truth(test)
    strength = NOTHING if constant else _strength(test)
    return Claim(
        text=written(test),
        line=node.lineno,
        strength=strength,
        tolerance=_tolerance(test),
        can_fail=constant is not True and not _is_itself(test),
    )


def constant_truth(test: ast.expr) -> bool | None:
    """Whether an expression is true (or false) whatever happens; ``None`` when it depends."""
    if isinstance(test, ast.Tuple) and test.elts:
        return True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = constant_truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        values = [constant_truth(value) for value in test.values]
        deciding = isinstance(test.op, ast.Or)
        if deciding in values:
            return deciding
        return None if None in values else not deciding
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        pure = not any(isinstance(each, ast.Call | ast.Await | ast.NamedExpr) for each in ast.walk(test))
        if pure and key(left) == key(right) and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return True
        if isinstance(test.ops[0], ast.GtE) and isinstance(left, ast.Call) and last_name(left.func) == "len":
            return True if _number(right) is not None and float(_number(right) or 0.0) <= 0 else None
    if isinstance(test, ast.Call) and last_name(test.func) == "isinstance" and len(test.args) == 2:
        return True if isinstance(test.args[1], ast.Name) and test.args[1].id == "object" else None
    return _literal_truth(test)


def _is_itself(test: ast.expr) -> bool:
    """Whether something is compared with the very same words, calls included: only chance makes them differ."""
    return (
        isinstance(test, ast.Compare)
        and len(test.ops) == 1
        and isinstance(test.ops[0], ast.Eq | ast.Is)
        and key(test.left) == key(test.comparators[0])
    )


def _literal_truth(test: ast.expr) -> bool | None:
    """The truth of a literal, or of the comparison of two."""
    try:
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _COMPARISONS:
            compare = _COMPARISONS[type(test.ops[0])]
            return bool(compare(ast.literal_eval(test.left), ast.literal_eval(test.comparators[0])))
        return bool(ast.literal_eval(test))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _strength(test: ast.expr) -> int:
    if isinstance(test, ast.BoolOp):
        ranks = [_strength(value) for value in test.values]
        return max(ranks) if isinstance(test.op, ast.And) else min(ranks)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return TRUTH
    if isinstance(test, ast.Compare):
        if any(isinstance(each, ast.Call) and last_name(each.func) in _NEAR for each in ast.walk(test)):
            return NEARLY
        ops = test.ops
        if all(isinstance(op, ast.Eq) for op in ops):
            return EXACT
        if all(isinstance(op, ast.Is) for op in ops):
            return EXACT
        if len(ops) == 1 and isinstance(ops[0], ast.IsNot):
            return TRUTH
        return RELATION
    if isinstance(test, ast.Call) and last_name(test.func) in _NEAR:
        return NEARLY
    return TRUTH


def _claim_of_call(node: ast.Call) -> Claim | None:
    name = last_name(node.func)
    if name in _RAISING:
        broad = bool(node.args) and any(
            isinstance(each, ast.Name) and each.id in _BROAD for each in ast.walk(node.args[0])
        )
        matched = any(word.arg == "match" for word in node.keywords) or name.endswith("Regex")
        strength = (RELATION if matched else TRUTH) if broad else (EXACT if matched else NEARLY)
        return Claim(text=written(node), line=node.lineno, strength=strength)
    if name == "fail":
        return Claim(text=written(node), line=node.lineno, strength=TRUTH)
    if not name.startswith("assert") or not isinstance(node.func, ast.Attribute):
        return None
    if name in ("assertTrue", "assertFalse", "assert_") and node.args:
        truth = constant_truth(node.args[0])
        never = truth is (name != "assertFalse") and truth is not None
        strength = NOTHING if never else _strength(node.args[0])
        return Claim(text=written(node), line=node.lineno, strength=strength, can_fail=not never)
    if name == "assertEqual" and len(node.args) == 2 and key(node.args[0]) == key(node.args[1]):
        pure = not any(isinstance(each, ast.Call) for argument in node.args for each in ast.walk(argument))
        return Claim(text=written(node), line=node.lineno, strength=NOTHING if pure else EXACT, can_fail=False)
    if "AlmostEqual" in name:
        return Claim(text=written(node), line=node.lineno, strength=NEARLY, tolerance=_tolerance(node))
    strength = EXACT if _EXACT_METHODS.match(name) else TRUTH if "None" in name or "True" in name else RELATION
    return Claim(text=written(node), line=node.lineno, strength=strength)


def _tolerance(node: ast.expr) -> float:
    """The largest tolerance an expression grants; without a number ``approx`` grants its default."""
    largest = 0.0
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            given = [_number(word.value) for word in each.keywords if word.arg in _TOLERANCES]
            places = [_number(word.value) for word in each.keywords if word.arg == "places"]
            largest = max([largest, *(n for n in given if n is not None), *(10.0**-n for n in places if n is not None)])
            if (
                last_name(each.func) == "round"
                and len(each.args) == 2
                and (digits := _number(each.args[1])) is not None
            ):
                largest = max(largest, 10.0**-digits)
            elif last_name(each.func) in _NEAR and not given:
                largest = max(largest, 1e-6)
        if isinstance(each, ast.Compare) and isinstance(each.left, ast.Call) and last_name(each.left.func) == "abs":
            bound = _number(each.comparators[-1])
            largest = max(largest, bound or 0.0)
    return largest


def _number(node: ast.expr) -> float | None:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


def swallowed_in(body: list[ast.stmt]) -> Iterator[int]:
    """Lines of assertions inside a ``try`` whose handler catches their failure and goes on, or inside ``suppress``."""
    for statement in body:
        for node in ast.walk(statement):
            caught = isinstance(node, ast.Try) and any(_drops(handler) for handler in node.handlers)
            suppressed = isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items)
            if isinstance(node, ast.Try | ast.With) and (caught or suppressed):
                yield from (each.line for each in claims_in(node.body))


def _drops(handler: ast.ExceptHandler) -> bool:
    caught = (
        {"BaseException"}
        if handler.type is None
        else {last_name(each) for each in ast.walk(handler.type) if isinstance(each, ast.expr)}
    )
    if not caught & {"AssertionError", *_BROAD}:
        return False
    does = [each for statement in handler.body for each in ast.walk(statement)]
    return not any(
        isinstance(each, ast.Raise | ast.Assert) or (isinstance(each, ast.Call) and last_name(each.func) == "fail")
        for each in does
    )


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) == "suppress"
        and any(last_name(each) in {"AssertionError", *_BROAD} for each in node.args)
    )


def last_name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
