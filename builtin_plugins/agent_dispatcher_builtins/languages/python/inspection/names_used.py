"""Which names do the tests of a file use? What is bound anew matters to them only then: an attribute or a text of the same letters is another thing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from attrs import evolve, frozen

__all__ = ["Used", "bound", "last", "text_in", "used"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = _Function | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
#: Calls that name fixtures by text.
_ASKING = "getfixturevalue"
_BY_TEXT = frozenset(("usefixtures", _ASKING, "lazy_fixture", "lf"))


@frozen
class Used:
    """Names that the code of a file takes from the file itself, and those that its tests ask fixtures by."""

    names: frozenset[str]
    fixtures: frozenset[str]
    _members: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Both."""
        return self.names | self.fixtures

    def inside(self, node: ast.ClassDef) -> Used:
        """The same inside a class, where what it calls its own matters too."""
        own = {name for each in node.body for name in bound([each])}
        return evolve(self, names=self.names | self._members | own)


def used(tree: ast.Module) -> Used:
    """What a file uses."""
    members = {
        each.attr
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in ("self", "cls")
    }
    names = frozenset((*bound(tree.body), *_free(tree.body, frozenset())))
    return Used(names=names, fixtures=frozenset(_fixtures(tree)), members=frozenset(members))


def _free(nodes: Iterable[ast.AST], local: frozenset[str]) -> Iterator[str]:
    """Names that are looked up outside of the functions they stand in."""
    waiting = [(each, local) for each in nodes]
    while waiting:
        node, local = waiting.pop()
        if isinstance(node, ast.Name):
            if node.id not in local:
                yield node.id
        elif isinstance(node, _Scope):
            body = node.body if isinstance(node.body, list) else [node.body]
            outside = [*getattr(node, "decorator_list", []), *node.args.defaults, *node.args.kw_defaults]
            outside += [each.annotation for each in _arguments(node)] + [getattr(node, "returns", None)]
            waiting += [(each, local) for each in outside if each is not None]
            shared = {name for each in _own(body) if isinstance(each, ast.Global) for name in each.names}
            inside = {each.arg for each in _arguments(node)} | set(bound(body))
            yield from shared
            within = (local | inside) - shared
            waiting += [(each, within) for each in body]
        elif isinstance(node, _Comprehension):
            inside = {
                each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)
            }
            waiting.append((node.generators[0].iter, local))
            within = local | inside
            waiting += [(each, within) for each in ast.iter_child_nodes(node)]
        else:
            waiting += [(each, local) for each in ast.iter_child_nodes(node)]


def bound(body: Iterable[ast.AST]) -> Iterator[str]:
    """Names that statements bind in the scope they stand in."""
    for node in _own(body):
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name
        elif isinstance(node, ast.MatchMapping) and node.rest:
            yield node.rest


def _own(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Nodes, without what stands in a scope of its own."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, _Scope | ast.ClassDef | _Comprehension):
            waiting += ast.iter_child_nodes(node)


def _arguments(node: _Scope) -> list[ast.arg]:
    given = node.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [*named, *(each for each in (given.vararg, given.kwarg) if each is not None)]


def _fixtures(tree: ast.Module) -> Iterator[str]:
    """Parameters of tests and fixtures, but for those that cases are given for, and names that fixtures are asked for by."""
    asked = {last(node) for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute)}
    # a function that nobody calls may be a test by whatever name
    uncalled = {node for node in tree.body if isinstance(node, _Function) and node.name not in asked}
    for node in ast.walk(tree):
        if isinstance(node, _Function) and (node.name.startswith("test") or node.decorator_list or node in uncalled):
            yield from {each.arg for each in _arguments(node)} - set(_cases(node))
        elif isinstance(node, ast.Call) and last(node.func) in _BY_TEXT:
            yield from filter(None, map(text_in, node.args))
    if _asks_by_variable(tree):
        yield from (text for node in ast.walk(tree) if (text := text_in(node)).isidentifier())


def _asks_by_variable(tree: ast.Module) -> bool:
    """Whether fixtures are asked for by texts that may stand anywhere in the file."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and last(node.func) in _BY_TEXT]
    if any(not text_in(each) for call in calls for each in (*call.args, *(word.value for word in call.keywords))):
        return True
    called = {id(call.func) for call in calls}
    for node in ast.walk(tree):
        if text_in(node) == _ASKING or (
            isinstance(node, ast.Attribute) and node.attr == _ASKING and id(node) not in called
        ):
            return True
        if isinstance(node, _Function) and _hands_on_request(node):
            return True
    return False


def _hands_on_request(node: _Function) -> bool:
    """Whether a test or a fixture gives ``request`` to something else, which may ask it for any fixture."""
    makes = any(last(each.func if isinstance(each, ast.Call) else each) == "fixture" for each in node.decorator_list)
    if not (makes or node.name.startswith("test")) or "request" not in {each.arg for each in _arguments(node)}:
        return False
    looked_at = {id(each.value) for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    return any(
        isinstance(each, ast.Name) and each.id == "request" and id(each) not in looked_at for each in ast.walk(node)
    )


def _cases(node: _Function) -> Iterator[str]:
    """Parameters that get the values of a table, and no fixture."""
    for each in node.decorator_list:
        if not isinstance(each, ast.Call) or last(each.func) != "parametrize":
            continue
        words = {word.arg: word.value for word in each.keywords}
        if None in words or any(isinstance(given, ast.Starred) for given in each.args):
            continue
        given = dict(zip(("argnames", "argvalues", "indirect"), each.args, strict=False)) | words
        by_fixture = given.get("indirect")
        names = [name for text in _texts(given.get("argnames")) for name in map(str.strip, text.split(","))]
        if by_fixture is None or (isinstance(by_fixture, ast.Constant) and by_fixture.value is False):
            yield from names
        elif isinstance(by_fixture, ast.List | ast.Tuple) and all(map(text_in, by_fixture.elts)):
            yield from set(names) - set(map(text_in, by_fixture.elts))


def _texts(node: ast.expr | None) -> list[str]:
    return [] if node is None else [text for each in ast.walk(node) if (text := text_in(each))]


def text_in(node: ast.AST) -> str:
    """The text that a constant is, ``""`` for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
