"""What the tests of a file claim: for each its assertions with their strength, its cases, and whether it is run at all."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from attrs import field, frozen

from .docstrings import docstring
from .written import key, written

__all__ = ["Claim", "TestRead", "tests_for_certain", "tests_in"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef

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
_ALWAYS = frozenset(("skip", "xfail"))
_SKIPPING = frozenset(
    ("skip", "skipif", "xfail", "skipIf", "skipUnless", "skipTest", "expectedFailure", "importorskip")
)
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
_TOLERANCES = frozenset(("rel", "abs", "rel_tol", "abs_tol", "rtol", "atol", "delta"))


@frozen(kw_only=True)
class Claim:
    """One assertion.

    Attributes:
        text: as ``ast`` writes it, so that layout does not matter.
        strength: ``NOTHING`` to ``EXACT``.
        tolerance: the largest it allows, 0 for none.
        can_fail: whether there is anything for it to find out.
    """

    text: str
    line: int
    strength: int
    tolerance: float = 0.0
    can_fail: bool = True


@frozen(kw_only=True)
class TestRead:
    """One test function.

    Attributes:
        name: ``Class.test_x`` or ``test_x``.
        claims: its assertions, in order.
        skips: marks and calls by which it may not be run, as text.
        never_run: it is skipped, or expected to fail, whatever happens.
        cases: how many cases its parameters give it.
        calls: whether it calls anything.
        swallowed: lines of assertions whose failure is caught and dropped.
        body: its code without docstring, as text; ``""`` when there is none.
    """

    __test__ = False

    name: str
    line: int
    claims: tuple[Claim, ...] = ()
    skips: tuple[str, ...] = ()
    never_run: bool = False
    cases: int = 1
    calls: bool = False
    swallowed: tuple[int, ...] = ()
    body: str = field(default="", repr=False)


def tests_in(tree: ast.Module) -> dict[str, TestRead]:
    """Name to test, in the order of the file. The last of two of one name counts, as for Python; what is not collected does not."""
    module_skips: list[str] = []
    gone: set[str] = set()
    for node in tree.body:
        value = _assigned(node, "__test__")
        if isinstance(value, ast.Constant) and not value.value:
            return {}
        marks = _assigned(node, "pytestmark")
        module_skips += _skip_marks([marks]) if marks is not None else []
        module_skips += [written(node)] if _is_skip_statement(node) else []
        if isinstance(node, ast.Delete):
            gone |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    found: dict[str, TestRead] = {}
    for prefix, inherited, function in _functions(tree.body, "", module_skips):
        name = prefix + function.name
        if name.partition(".")[0] not in gone:
            found[name] = _read(name, function, inherited)
    return found


def tests_for_certain(text: str) -> tuple[str, ...]:
    """The tests of a text that pytest collects by its own rules, whatever the circumstances: ``test_a``, ``TestB::test_c``.

    ``testdata`` is none for certain: many projects set ``python_functions = test_*``.
    """
    try:
        return _for_certain(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()


def _for_certain(tree: ast.Module) -> tuple[str, ...]:
    if any(_assigned(node, "pytestmark") is not None for node in tree.body):
        return ()  # marks are what projects choose tests by
    top = {node.name for node in tree.body if isinstance(node, _Function) and not _is_chosen(node)}
    plain = {
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.bases and not node.decorator_list and not _takes_over(node)
    }
    inside = {
        f"{node.name}.{each.name}"
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name in plain
        for each in node.body
        if isinstance(each, _Function) and not _is_chosen(each)
    }
    certain = (name for name in tests_in(tree) if name in top or name in inside)
    return tuple(name.replace(".", "::") for name in certain if name.rpartition(".")[2].startswith("test_"))


def _is_chosen(node: _Function) -> bool:
    """Whether a function is no test after all, or has a mark by which it may be chosen or left out."""
    for each in node.decorator_list:
        called = each.func if isinstance(each, ast.Call) else each
        marked = isinstance(called, ast.Attribute) and _name(called.value) == "mark" and called.attr != "parametrize"
        if marked or _name(called) == "fixture":
            return True
    return False


def _takes_over(node: ast.ClassDef) -> bool:
    """Whether a class decides by itself what is made of its tests."""
    names = {each.name for each in node.body if isinstance(each, _Function)}
    return bool(names & {"__init__", "__new__"}) or any(_assigned(each, "__test__") is not None for each in node.body)


def _assigned(node: ast.stmt, name: str) -> ast.expr | None:
    """What is given a name by a statement."""
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return node.value if named and isinstance(node, ast.Assign | ast.AnnAssign) else None


def _functions(body: list[ast.stmt], prefix: str, skips: list[str]) -> Iterator[tuple[str, list[str], _Function]]:
    for node in body:
        if isinstance(node, _Function) and node.name.startswith("test"):
            yield prefix, skips, node
        elif isinstance(node, ast.ClassDef) and (node.bases or node.name.startswith("Test")):
            yield from _functions(node.body, f"{prefix}{node.name}.", [*skips, *_skip_marks(node.decorator_list)])
        elif isinstance(node, ast.Try | ast.With) or (
            isinstance(node, ast.If) and _constant_truth(node.test) is not False
        ):
            yield from _functions(node.body, prefix, skips)


def _read(name: str, node: _Function, inherited: list[str]) -> TestRead:
    body = node.body[1:] if docstring(node) is not None else node.body
    skips = [*inherited, *_skip_marks(node.decorator_list), *_skip_calls(body)]
    return TestRead(
        name=name,
        line=node.lineno,
        claims=tuple(_claims(body)),
        skips=tuple(skips),
        never_run=any(_is_always(skip) for skip in (*inherited, *_skip_marks(node.decorator_list)))
        or any(_is_skip_statement(each) for each in body),
        cases=_cases(node.decorator_list),
        calls=any(isinstance(each, ast.Call) for statement in body for each in ast.walk(statement)),
        swallowed=tuple(_swallowed(body)),
        body="\n".join(written(each) for each in body),
    )


# --- assertions -----------------------------------------------------------------------------------------------------


def _claims(body: list[ast.stmt]) -> Iterator[Claim]:
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Assert):
                yield _claim_of(node.test, node)
            elif isinstance(node, ast.Call):
                claim = _claim_of_call(node)
                if claim is not None:
                    yield claim


def _claim_of(test: ast.expr, node: ast.Assert) -> Claim:
    constant = _constant_truth(test)
    strength = NOTHING if constant else _strength(test)
    return Claim(
        text=written(test),
        line=node.lineno,
        strength=strength,
        tolerance=_tolerance(test),
        can_fail=constant is not True and not _is_itself(test),
    )


def _constant_truth(test: ast.expr) -> bool | None:
    """Whether an expression is true (or false) whatever happens; ``None`` when it depends."""
    if isinstance(test, ast.Tuple) and test.elts:
        return True
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = _constant_truth(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.BoolOp):
        values = [_constant_truth(value) for value in test.values]
        deciding = isinstance(test.op, ast.Or)
        if deciding in values:
            return deciding
        return None if None in values else not deciding
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        left, right = test.left, test.comparators[0]
        pure = not any(isinstance(each, ast.Call | ast.Await | ast.NamedExpr) for each in ast.walk(test))
        if pure and key(left) == key(right) and isinstance(test.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE):
            return True
        if isinstance(test.ops[0], ast.GtE) and isinstance(left, ast.Call) and _name(left.func) == "len":
            return True if _number(right) is not None and float(_number(right) or 0.0) <= 0 else None
    if isinstance(test, ast.Call) and _name(test.func) == "isinstance" and len(test.args) == 2:
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
        if any(isinstance(each, ast.Call) and _name(each.func) in _NEAR for each in ast.walk(test)):
            return NEARLY
        ops = test.ops
        if all(isinstance(op, ast.Eq) for op in ops):
            return EXACT
        if all(isinstance(op, ast.Is) for op in ops):
            return EXACT
        if len(ops) == 1 and isinstance(ops[0], ast.IsNot):
            return TRUTH
        return RELATION
    if isinstance(test, ast.Call) and _name(test.func) in _NEAR:
        return NEARLY
    return TRUTH


def _claim_of_call(node: ast.Call) -> Claim | None:
    name = _name(node.func)
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
        truth = _constant_truth(node.args[0])
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
            if _name(each.func) == "round" and len(each.args) == 2 and (digits := _number(each.args[1])) is not None:
                largest = max(largest, 10.0**-digits)
            elif _name(each.func) in _NEAR and not given:
                largest = max(largest, 1e-6)
        if isinstance(each, ast.Compare) and isinstance(each.left, ast.Call) and _name(each.left.func) == "abs":
            bound = _number(each.comparators[-1])
            largest = max(largest, bound or 0.0)
    return largest


def _number(node: ast.expr) -> float | None:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else None


# --- whether it is run ----------------------------------------------------------------------------------------------


def _skip_marks(decorators: list[ast.expr]) -> list[str]:
    found = []
    for decorator in decorators:
        inner = decorator.elts if isinstance(decorator, ast.List | ast.Tuple) else [decorator]
        for each in inner:
            called = each.func if isinstance(each, ast.Call) else each
            if _name(called) in _SKIPPING:
                found.append(written(each))
    return found


def _skip_calls(body: list[ast.stmt]) -> list[str]:
    return [
        written(node)
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and _name(node.func) in _SKIPPING
    ]


def _is_always(skip: str) -> bool:
    """``xfail(strict=True)`` counts as well: a test that must fail proves nothing about what it says."""
    head, _, rest = skip.partition("(")
    if head.rpartition(".")[2] == "expectedFailure":
        return True
    conditional = rest and not rest.startswith((")", "reason", "'", '"', "strict"))
    return head.rpartition(".")[2] in _ALWAYS and not conditional


def _is_skip_statement(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Call) and _name(value.func) in ("skip", "xfail", "skipTest", "exit")


def _cases(decorators: list[ast.expr]) -> int:
    product = 1
    for each in decorators:
        if isinstance(each, ast.Call) and _name(each.func) == "parametrize" and len(each.args) > 1:
            values = each.args[1]
            if isinstance(values, ast.List | ast.Tuple | ast.Set):
                product *= len(values.elts)
    return product


def _swallowed(body: list[ast.stmt]) -> Iterator[int]:
    """Lines of assertions inside a ``try`` whose handler catches their failure and goes on, or inside ``suppress``."""
    for statement in body:
        for node in ast.walk(statement):
            caught = isinstance(node, ast.Try) and any(_drops(handler) for handler in node.handlers)
            suppressed = isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items)
            if isinstance(node, ast.Try | ast.With) and (caught or suppressed):
                yield from (each.line for each in _claims(node.body))


def _drops(handler: ast.ExceptHandler) -> bool:
    caught = (
        {"BaseException"}
        if handler.type is None
        else {_name(each) for each in ast.walk(handler.type) if isinstance(each, ast.expr)}
    )
    if not caught & {"AssertionError", *_BROAD}:
        return False
    does = [each for statement in handler.body for each in ast.walk(statement)]
    return not any(
        isinstance(each, ast.Raise | ast.Assert) or (isinstance(each, ast.Call) and _name(each.func) == "fail")
        for each in does
    )


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and _name(node.func) == "suppress"
        and any(_name(each) in {"AssertionError", *_BROAD} for each in node.args)
    )


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
