"""Which names do the tests of a file use? What is bound anew matters to them only then: an attribute or a text of the same letters is another thing."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from attrs import evolve, frozen

__all__ = ["Used", "used"]

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Scope = _Function | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
#: Calls that name fixtures by text.
_BY_TEXT = frozenset(("usefixtures", "getfixturevalue"))


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
        own = {name for each in node.body for name in _bound([each])}
        return evolve(self, names=self.names | self._members | own)


def used(tree: ast.Module) -> Used:
    """What a file uses."""
    members = {
        each.attr
        for each in ast.walk(tree)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id in ("self", "cls")
    }
    names = frozenset((*_bound(tree.body), *_free(tree.body, frozenset())))
    return Used(names=names, fixtures=frozenset(_fixtures(tree)), members=frozenset(members))


def _free(nodes: Iterable[ast.AST], local: frozenset[str]) -> Iterator[str]:
    """Names that are looked up outside of the functions they stand in."""
    for node in nodes:
        if isinstance(node, ast.Name):
            if node.id not in local:
                yield node.id
        elif isinstance(node, _Scope):
            body = node.body if isinstance(node.body, list) else [node.body]
            outside = [*getattr(node, "decorator_list", []), *node.args.defaults, *node.args.kw_defaults]
            outside += [each.annotation for each in _arguments(node)] + [getattr(node, "returns", None)]
            yield from _free([each for each in outside if each is not None], local)
            shared = {name for each in _own(body) if isinstance(each, ast.Global) for name in each.names}
            inside = {each.arg for each in _arguments(node)} | set(_bound(body))
            yield from shared
            yield from _free(body, (local | inside) - shared)
        elif isinstance(node, _Comprehension):
            inside = {
                each.id for part in node.generators for each in ast.walk(part.target) if isinstance(each, ast.Name)
            }
            yield from _free([node.generators[0].iter], local)
            yield from _free(ast.iter_child_nodes(node), local | inside)
        else:
            yield from _free(ast.iter_child_nodes(node), local)


def _bound(body: Iterable[ast.AST]) -> Iterator[str]:
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
    for node in nodes:
        yield node
        if not isinstance(node, _Scope | ast.ClassDef | _Comprehension):
            yield from _own(ast.iter_child_nodes(node))


def _arguments(node: _Scope) -> list[ast.arg]:
    given = node.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return [*named, *(each for each in (given.vararg, given.kwarg) if each is not None)]


def _fixtures(tree: ast.Module) -> Iterator[str]:
    """Parameters of tests and fixtures, but for those that cases are given for."""
    for node in ast.walk(tree):
        if isinstance(node, _Function) and (node.name.startswith("test") or node.decorator_list):
            yield from {each.arg for each in _arguments(node)} - set(_cases(node))
        elif isinstance(node, ast.Call) and _last(node.func) in _BY_TEXT:
            yield from (
                each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def _cases(node: _Function) -> Iterator[str]:
    for each in node.decorator_list:
        if not isinstance(each, ast.Call) or _last(each.func) != "parametrize" or not each.args:
            continue
        if any(word.arg == "indirect" for word in each.keywords):
            continue
        for text in ast.walk(each.args[0]):
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                yield from (name.strip() for name in text.value.split(","))


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
