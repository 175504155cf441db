"""Does what a test asserts depend on anything but the test itself? Literals compared with each other, or a double asked about what the test told it, prove nothing.

Whatever could have been reached by other code counts as depending on it: what was handed to a call, to a function of the test's own, to an operator, or to
something else's attribute; and what stands in the place of something, where anything of others may be run meanwhile. So a test is told to depend on nothing only where that can be seen.
"""

from __future__ import annotations

import ast
import builtins
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from unittest import TestCase

from attrs import frozen

from .implied import implied, operands

__all__ = ["Grounds", "Module"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
#: What of the language itself reaches nothing else.
_PURE = frozenset(
    {"abs", "all", "any", "bool", "bytes", "chr", "dict", "divmod", "enumerate", "float", "frozenset", "hash", "int", "isinstance", "len", "list", "max", "min"}
    | {"object", "ord", "print", "range", "repr", "reversed", "round", "set", "slice", "sorted", "str", "sum", "tuple", "type", "zip"}
    | {name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)}
)  # fmt: skip
_OF_CASES = frozenset(name for name in dir(TestCase) if name.startswith("assert")) | {"subTest"}
_DOUBLES = frozenset(("Mock", "MagicMock", "AsyncMock", "NonCallableMock", "call", "ANY", "sentinel"))
#: Module to what of it reaches nothing else.
_PURE_OF = {
    "pytest": frozenset(("approx", "param")),
    "math": frozenset(("isclose", "isnan", "sqrt", "floor", "ceil", "pi", "inf", "nan")),
    "unittest.mock": _DOUBLES,
    "mock": _DOUBLES,
    "asyncio": frozenset(("sleep",)),
    "doctest": frozenset(("testmod", "testfile")),
}
_CHOOSING = (ast.If, ast.While, ast.For, ast.AsyncFor, ast.Try, ast.With, ast.AsyncWith)
#: Longer tests, and longer ways from name to name, are not looked into.
_MOST_NODES = 10_000
_MOST_TURNS = 30
_MOST_PARTS = 5
_PATCHING = frozenset(("patch", "object"))
_STRATEGIES = frozenset(("st", "strategies", "hypothesis"))


@frozen
class Module:
    """What the names of a file of tests stand for, as far as it matters here.

    Attributes:
        bound: every name that the file binds.
        pure: those of what reaches nothing else: constants, and parts of test tools.
        modules: name to the module it is.
    """

    bound: frozenset[str]
    pure: frozenset[str]
    modules: dict[str, str]

    @classmethod
    def of(cls, tree: ast.Module) -> Module:
        """Read a file."""
        bound: list[str] = []
        pure: set[str] = set()
        modules: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    bound.append(name)
                    modules[name] = alias.name if alias.asname else name
            elif isinstance(node, ast.ImportFrom):
                source = "" if node.level else node.module or ""
                for alias in node.names:
                    name = alias.asname or alias.name
                    bound.append(name)
                    if alias.name in _PURE_OF.get(source, ()):
                        pure.add(name)
                    elif f"{source}.{alias.name}" in _PURE_OF:
                        modules[name] = f"{source}.{alias.name}"
            elif isinstance(node, _Function | ast.ClassDef):
                bound.append(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
                bound.append(node.id)
        times = Counter(bound)
        for statement in tree.body:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else None
            if isinstance(target, ast.Name) and isinstance(statement, ast.Assign) and _stays(statement.value):
                pure |= {target.id} if times[target.id] == 1 else set()
        return cls(frozenset(bound), frozenset(pure), modules)

    def is_pure(self, node: ast.expr) -> bool:
        """Whether a name, or a part of a module, reaches nothing else."""
        if isinstance(node, ast.Name):
            return node.id in self.pure or (node.id in _PURE and node.id not in self.bound)
        if not isinstance(node, ast.Attribute):
            return False
        root, *rest = _dotted(node.value) or [""]
        module = ".".join(filter(None, (self.modules.get(root, ""), *rest)))
        return node.attr in _PURE_OF.get(module, ())


class Grounds:
    """What the names inside of one test depend on.

    Args:
        function: the test.
        module: the file it stands in.
    """

    def __init__(self, function: _Function, module: Module) -> None:
        self._module = module
        self._body = function.body
        self._patched: set[str] = set()
        self._bindings = list(self._bound_in(function.body))
        given = _given(function)
        names = {name for targets, _ in self._bindings for name in targets} | self._patched
        arguments = {each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)}
        self._own = (names - arguments) | given
        self._outside = False
        self._known = False
        self._perhaps: set[int] = set()

    def looked_at(self, call: ast.Call, body: list[ast.stmt] | None) -> Sequence[ast.AST]:
        """What an assertion that is a call says something about; ``body``: what stands below it, where it is the head of a ``with``."""
        if body is not None:
            return list(body)
        given = [*call.args, *(word.value for word in call.keywords)]
        tools = _asserts(call.func) or (isinstance(call.func, ast.Name) and call.func.id == "raises")
        return given if tools and given else [call]

    def depends_on_nothing(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether expressions depend on nothing but the test itself."""
        nodes = tuple(nodes)
        if not self._known and all(map(self._is_own, nodes)):
            self._known = True  # what else reaches is asked for only where it matters
            self._spread()
            if self._outside:
                self._own -= self._patched
        return self._known and all(id(node) not in self._perhaps and self._is_own(node) for node in nodes)

    def _is_own(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._own or self._module.is_pure(node)
        if isinstance(node, ast.Await):
            return self._is_own(node.value)
        if isinstance(node, ast.Lambda | ast.Yield | ast.YieldFrom | ast.Import | ast.ImportFrom):
            return False
        if isinstance(node, ast.Attribute) and self._module.is_pure(node):
            return True
        if isinstance(node, _Comprehension):
            return all(map(self._is_own, (part.iter for part in node.generators))) and all(
                map(self._is_own, ast.iter_child_nodes(node))
            )
        return all(map(self._is_own, ast.iter_child_nodes(node)))

    def _bound_in(self, body: list[ast.stmt]) -> Iterator[tuple[set[str], ast.AST | None]]:
        """Names with what they are bound to; ``None`` for what comes from elsewhere."""
        for node in (each for statement in body for each in ast.walk(statement)):
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    yield _names(target), node.value
            elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and node.value is not None:
                yield _names(node.target), node.value
            elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
                yield _names(node.target), node.iter
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                if _is_patch(node.context_expr):
                    self._patched |= _names(node.optional_vars)
                else:
                    yield _names(node.optional_vars), None
            elif isinstance(node, ast.ExceptHandler) and node.name:
                yield {node.name}, None
            elif isinstance(node, ast.Import | ast.ImportFrom):
                yield {(each.asname or each.name).partition(".")[0] for each in node.names}, None
            elif isinstance(node, _Function | ast.ClassDef):
                yield {node.name} | _loaded([node]), None
            elif isinstance(node, ast.Lambda):
                yield _loaded([node]), None
            elif isinstance(node, ast.Global | ast.Nonlocal):
                yield set(node.names), None
            elif isinstance(node, ast.Match):
                yield (
                    {
                        each.name
                        for each in ast.walk(node)
                        if isinstance(each, ast.MatchAs | ast.MatchStar) and each.name
                    },
                    None,
                )

    def _spread(self) -> None:
        """Take away every name that something else may have reached, until nothing changes."""
        nodes = [each for statement in self._body for each in ast.walk(statement)]
        if len(nodes) > _MOST_NODES:
            self._own = set()
            return
        calls = [(each, _taken(each), _given_to(each)) for each in nodes if isinstance(each, ast.Call)]
        bindings = [
            (targets, value, _loaded([value]) if value is not None else set()) for targets, value in self._bindings
        ]
        stored = [
            (target, node.value)
            for node in nodes
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Attribute | ast.Subscript)
        ]
        for call, taken, _ in calls:
            free = (not taken and not isinstance(call.func, ast.Attribute)) or (taken and not taken <= self._own)
            self._outside = self._outside or bool(free and not self._is_harmless(call))
        chosen = [(node, *_parts(node)) for node in nodes if isinstance(node, _CHOOSING)]
        chains = [(parts, _loaded(parts) - self._fixed()) for parts in operands(nodes)]
        for _ in range(_MOST_TURNS):
            left = len(self._own)
            for parts, names in chains:
                if names & self._own and not all(map(self._is_own, parts)):
                    self._own -= names
            for node, heads, inside in chosen:
                if id(node) not in self._perhaps and not all(map(self._is_own, heads)):
                    self._perhaps |= {id(each) for one in (node, *inside) for each in ast.walk(one)}
                    self._own -= _loaded(inside)
            for targets, value, names in bindings:
                if value is None or not targets <= self._own or not self._is_own(value):
                    self._own -= targets | names
            for call, taken, given in calls:
                if (taken | given) & self._own:
                    self._reached_by(call, taken, given)
            for target, value in stored:
                if not self._is_own(target):
                    self._own -= _loaded([value])
                elif not self._is_own(value):
                    self._own -= _loaded([target])
            if len(self._own) == left:
                self._outside = self._outside or self._is_reached_in(nodes)
                return
        self._own = set()

    def _fixed(self) -> set[str]:
        """Names of constants, which nothing can change."""
        names = {name for targets, _ in self._bindings for name in targets} - self._patched
        for targets, value in self._bindings:
            names -= set() if isinstance(value, ast.expr) and _stays(value) else targets
        return names

    def _is_reached_in(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether anything of others may be run without a call while something is patched."""
        patching = (
            node
            for node in nodes
            if isinstance(node, ast.With | ast.AsyncWith) and any(_is_patch(each.context_expr) for each in node.items)
        )
        return any(
            not self._is_own(part)
            for node in patching
            for part in implied([*node.items, *node.body], self._module.modules, self._is_harmless, _is_patch)
        )

    def _is_harmless(self, call: ast.Call) -> bool:
        return self._module.is_pure(call.func) or _is_patch(call) or _asserts(call.func)

    def _reached_by(self, call: ast.Call, taken: set[str], given: set[str]) -> None:
        if self._is_harmless(call) or (not taken and isinstance(call.func, ast.Attribute)):
            return  # the latter is a method of a literal
        if taken and self._is_own(call.func):
            if not all(map(self._is_own, (*call.args, *(word.value for word in call.keywords)))):
                self._own -= taken | given
            return
        self._own -= given


def _parts(node: ast.stmt) -> tuple[list[ast.AST], list[ast.AST]]:
    """What decides whether something is come to, and what is: of a ``try`` all that may fail, of a ``with`` what it stands in."""
    if isinstance(node, ast.If | ast.While):
        return [node.test], [*node.body, *node.orelse]
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter], [*node.body, *node.orelse]
    if isinstance(node, ast.Try):
        return [*node.body], [*node.body, *node.handlers, *node.orelse]
    if isinstance(node, ast.With | ast.AsyncWith):
        heads = [item.context_expr for item in node.items]
        tools = [each for each in heads if isinstance(each, ast.Call) and (_asserts(each.func) or _is_patch(each))]
        return [each for each in heads if each not in tools], [*node.body]
    return [], []


def _taken(call: ast.Call) -> set[str]:
    """Names that say what is called."""
    return _loaded([call.func])


def _given_to(call: ast.Call) -> set[str]:
    return _loaded((*call.args, *call.keywords))


def _given(function: _Function) -> set[str]:
    """Parameters whose values stand beside the test, or are made up: cases, and those of ``hypothesis``."""
    found: set[str] = {"snapshot"} & {each.arg for each in function.args.args}
    for each in function.decorator_list:
        if not isinstance(each, ast.Call):
            continue
        if _last(each.func) == "parametrize" and len(each.args) > 1 and not _keyword(each, "indirect"):
            if isinstance(each.args[0], ast.Constant) and isinstance(each.args[0].value, str):
                named = [name.strip() for name in each.args[0].value.split(",")]
            else:
                named = [str(one.value) for one in ast.walk(each.args[0]) if isinstance(one, ast.Constant)]
            found |= set(named) if _is_constant(each.args[1]) else set()
        elif _last(each.func) == "given" and all(
            node.id in _STRATEGIES for node in ast.walk(each) if isinstance(node, ast.Name) and node is not each.func
        ):
            found |= {word.arg for word in each.keywords if word.arg}
            found |= (
                {one.arg for one in function.args.args[len(function.args.args) - len(each.args) :]}
                if each.args
                else set()
            )
    return found


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.List | ast.Tuple):
        return all(_is_constant(each) for each in node.elts)
    if isinstance(node, ast.Call) and _last(node.func) == "param":
        return all(_is_constant(each) for each in node.args)
    if isinstance(node, ast.UnaryOp):
        return _is_constant(node.operand)
    return isinstance(node, ast.Constant)


def _stays(node: ast.expr) -> bool:
    """Whether a constant cannot be changed by who has it."""
    return _is_constant(node) and not any(isinstance(each, ast.List | ast.Call) for each in ast.walk(node))


def _is_patch(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and "patch" in _dotted(node.func) and _last(node.func) in _PATCHING


def _dotted(node: ast.expr) -> list[str]:
    """The words of a dotted name of a few parts; none for anything else."""
    words: list[str] = []
    while isinstance(node, ast.Attribute) and len(words) < _MOST_PARTS:
        words.append(node.attr)
        node = node.value
    return [node.id, *reversed(words)] if isinstance(node, ast.Name) else []


def _asserts(function: ast.expr) -> bool:
    """Whether a function only looks at what it is given: one of ``unittest`` or pytest, and none of the tests' own making."""
    if not isinstance(function, ast.Attribute) or not isinstance(function.value, ast.Name):
        return False
    return (function.value.id == "self" and function.attr in _OF_CASES) or (
        function.value.id == "pytest" and function.attr in ("raises", "warns")
    )


def _keyword(call: ast.Call, name: str) -> bool:
    return any(word.arg == name for word in call.keywords)


def _names(target: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(target) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}


def _loaded(nodes: Iterable[ast.AST]) -> set[str]:
    return {each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name)}


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
