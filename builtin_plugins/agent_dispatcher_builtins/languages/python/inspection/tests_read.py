"""What the tests of a file claim: for each its assertions with their strength, its cases, and whether it is run at all."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from attrs import field, frozen

from .claims import Claim, claims_in, constant_truth, last_name, swallowed_in
from .docstrings import docstring
from .grounds import Grounds, Module
from .unreached import unreached
from .written import written

__all__ = ["TestRead", "tests_for_certain", "tests_in"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef

_ALWAYS = frozenset(("skip", "xfail"))
_SKIPPING = frozenset(
    ("skip", "skipif", "xfail", "skipIf", "skipUnless", "skipTest", "expectedFailure", "importorskip")
)


@frozen(kw_only=True)
class TestRead:
    """One test function.

    Attributes:
        name: ``Class.test_x`` or ``test_x``.
        claims: its assertions, in order.
        skips: marks and calls by which it may not be run, as text.
        never_run: it is skipped, or expected to fail, whatever happens.
        cases: how many cases its parameters give it.
        calls: whether it calls anything that may fail, or imports something that may not be there.
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
    module = Module.of(tree)
    for prefix, inherited, function in _functions(tree.body, "", module_skips):
        name = prefix + function.name
        if name.partition(".")[0] not in gone:
            found[name] = _read(name, function, inherited, module)
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
        marked = (
            isinstance(called, ast.Attribute) and last_name(called.value) == "mark" and called.attr != "parametrize"
        )
        if marked or last_name(called) == "fixture":
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
            isinstance(node, ast.If) and constant_truth(node.test) is not False
        ):
            yield from _functions(node.body, prefix, skips)


def _read(name: str, node: _Function, inherited: list[str], module: Module) -> TestRead:
    body = node.body[1:] if docstring(node) is not None else node.body
    skips = [*inherited, *_skip_marks(node.decorator_list), *_skip_calls(body)]
    return TestRead(
        name=name,
        line=node.lineno,
        claims=tuple(claims_in(body, Grounds(node, module), unreached(body, constant_truth))),
        skips=tuple(skips),
        never_run=any(_is_always(skip) for skip in (*inherited, *_skip_marks(node.decorator_list)))
        or any(_is_skip_statement(each) for each in body),
        cases=_cases(node.decorator_list),
        calls=any(_may_fail(each, module) for statement in body for each in ast.walk(statement)),
        swallowed=tuple(swallowed_in(body)),
        body="\n".join(written(each) for each in body),
    )


def _may_fail(node: ast.AST, module: Module) -> bool:
    """Whether something is done of which a failure is news."""
    if isinstance(node, ast.Raise):
        return True
    if isinstance(node, ast.Call):
        return not module.is_pure(node.func)
    if isinstance(node, ast.Import):
        return any(each.name.partition(".")[0] not in sys.stdlib_module_names for each in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] not in sys.stdlib_module_names


def _skip_marks(decorators: list[ast.expr]) -> list[str]:
    found = []
    for decorator in decorators:
        inner = decorator.elts if isinstance(decorator, ast.List | ast.Tuple) else [decorator]
        for each in inner:
            called = each.func if isinstance(each, ast.Call) else each
            if last_name(called) in _SKIPPING:
                found.append(written(each))
    return found


def _skip_calls(body: list[ast.stmt]) -> list[str]:
    return [
        written(node)
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and last_name(node.func) in _SKIPPING
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
    return isinstance(value, ast.Call) and last_name(value.func) in ("skip", "xfail", "skipTest", "exit")


def _cases(decorators: list[ast.expr]) -> int:
    product = 1
    for each in decorators:
        if isinstance(each, ast.Call) and last_name(each.func) == "parametrize" and len(each.args) > 1:
            values = each.args[1]
            if isinstance(values, ast.List | ast.Tuple | ast.Set):
                product *= len(values.elts)
    return product
