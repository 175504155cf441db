"""Code that is still to be written: functions and classes without a body.

What an interface leaves to others is none: abstract methods, protocols, overloads, a class that says that it is a base, a method that a class of the same file
overrides. Nor is what silences a method of the standard library. A function that is meant to do nothing says so in its docstring.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from attrs import evolve, frozen

from agent_dispatcher.extension import Objection

from .docstrings import docstring
from .inherited import silenced
from .whence import imports_of
from .written import written

__all__ = ["implemented", "stubs"]

_ON_PURPOSE = re.compile(
    r"(?i)\b(?:do(?:es)? nothing|nothing to do|no-op|noop|nothing (?:is|has) to be done|intentionally empty)\b(?! yet)"
)
_NOT_THERE = re.compile(
    r"(?i)\b(?:not (?:yet )?implemented|unimplemented|implement me|to ?do\b:?|to be (?:done|written))"
)
_NOT_SUPPORTED = re.compile(r"(?i)\b(?:un|not )support|\bnot (?:available|possible)\b|\bno support\b")
#: How a class says in its docstring, and by its name, that it is a base: "a knowledge base" and ``Baseline`` are none.
_A_BASE = re.compile(
    r"(?i)^(?:an? |the )?(?:(?:common |shared )?base\b|mixin\b|abstract\b(?! syntax)|interface\b(?! (?:to|with)\b))"
    r"|\bbase class\b|\bsubclasses (?:must|should|may|can|have to|need to|are to|implement|override|provide|define)\b"
    r"|\b(?:overridden|implemented|provided|defined) (?:by|in) (?:its |their |the |a )?subclass(?:es)?\b"
)
_NAMED_BASE = re.compile(r"(?:Base|Abstract)(?![a-z])")
_QUIET = re.compile(r"(?i)^_|null|no_?op|nothing|noop|dummy|silent|ignore|discard|quiet")
#: What nobody has to listen to.
_HANDLER = re.compile(r"(?i)^on_|hook$|callback$|handler$|listener$")
#: ... and a group of a command line, which is its commands.
_LEFT_TO_OTHERS = frozenset(
    ("abstractmethod", "abstractproperty", "overload", "hookspec", "group", "callback", "singledispatch")
) | {"singledispatchmethod"}
_INTERFACES = frozenset(("Protocol", "ABC"))
#: Methods that objects often have without a need to do anything.
_OFTEN_EMPTY = frozenset(("__init__", "__post_init__", "__exit__", "__aexit__", "__del__", "__init_subclass__"))
_FAILURES = frozenset(("Exception", "RuntimeError", "ValueError", "AssertionError"))

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def stubs(path: str, tree: ast.Module) -> list[tuple[str, Objection]]:
    """Everything that is a stub, each with a key that stays the same while lines move."""
    file = _File(tree=tree, overridden=_overridden(tree), silenced=silenced(tree), derived_from=_derived_from(tree))
    found = [
        (f"function {name}", evolve(_objection(path, function.lineno, f"{name}()", how), subject=name))
        for name, function, how in _functions(file)
    ]
    found += [
        (
            f"class {node.name}",
            evolve(_objection(path, node.lineno, f"class {node.name}", how), subject=f"class {node.name}"),
        )
        for node, how in _classes(tree)
    ]
    found += [(f"name {name}", _objection(path, line, name, how)) for name, line, how in _lambdas(tree)]
    return found


def implemented(text: str) -> frozenset[str]:
    """``module.Base.method`` for every method with a body in a class of a text that is derived from ``Base`` of that module, and ``class module.Name``
    for what it takes from there to derive from it or to use it as a value; of modules only the last part, see :meth:`.whence.Imports.sources`."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    imports = imports_of(tree)
    methods = (
        f"{source}.{each.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        for source in imports.sources(base.value if isinstance(base, ast.Subscript) else base)
        for each in node.body
        if isinstance(each, _Function) and not _emptiness(each, node)
    )
    values = (f"class {source}" for value in _values(tree) for source in imports.sources(value))
    return frozenset((*methods, *values))


def _values(tree: ast.AST) -> Iterator[ast.expr]:
    """Names that are read, other than to say of what type something is."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            yield node
        said = {id(getattr(node, each, None)) for each in ("annotation", "returns")}
        waiting += [each for each in ast.iter_child_nodes(node) if id(each) not in said]


@frozen
class _File:
    """A file, with the methods (``Class.method``) that its own classes override, and that silence one of the standard library, and the classes that others
    of the file are derived from."""

    tree: ast.Module
    overridden: set[str]
    silenced: set[str]
    derived_from: set[str]


@frozen
class _Owner:
    """A class, with what its methods may be: left to others whatever they promise, left to others as it is a base, nothing as it is quiet."""

    node: ast.ClassDef
    interface: bool
    base: bool
    quiet: bool


def _owner(node: ast.ClassDef, file: _File) -> _Owner:
    bases = {_last_name(base) for base in (*node.bases, *(word.value for word in node.keywords))}
    quiet = bool(_QUIET.search(node.name.partition("_")[0]) and not node.name.startswith("_"))
    named = bool(_NAMED_BASE.match(node.name)) or (node.name.endswith("Base") and node.name in file.derived_from)
    says = named or _A_BASE.search(docstring(node) or "") is not None
    return _Owner(node, interface=bool(bases & _INTERFACES) or "ABCMeta" in bases, base=says, quiet=quiet)


def _objection(path: str, line: int, name: str, how: str) -> Objection:
    what = f"{name} is a stub: {how} (write it; if doing nothing is right, say so in its docstring)"
    return Objection(kind="stub", path=path, line=line, what=what)


def _functions(file: _File) -> Iterator[tuple[str, _Function, str]]:
    """(dotted name, function, what it consists of) for each function that has still to be written."""
    waiting: list[tuple[str, ast.AST, _Owner | None]] = [("", file.tree, None)]
    while waiting:
        prefix, node, owner = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                waiting.append((f"{prefix}{child.name}.", child, _owner(child, file)))
            elif isinstance(child, _Function):
                name = f"{prefix}{child.name}"
                how = _emptiness(child, owner.node if owner is not None else None)
                left = {_last_name(each) for each in child.decorator_list} & _LEFT_TO_OTHERS
                if (
                    how
                    and not left
                    and name not in file.overridden
                    and not _may_be_empty(name, child, how, owner, file)
                ):
                    yield name, child, how
            elif not isinstance(child, ast.expr):
                waiting.append((prefix, child, owner))


def _may_be_empty(name: str, method: _Function, how: str, owner: _Owner | None, file: _File) -> bool:
    """Whether a method is left to others, or does nothing because that is all there is to do: a base says that it is missing, or promises no value."""
    if owner is None:
        return False
    if owner.interface or (owner.base and ("raises" in how or _promises_nothing(method))):
        return True
    if "raises" in how:
        return False
    return name.rpartition(".")[2] in _OFTEN_EMPTY or name in file.silenced or owner.quiet


def _promises_nothing(method: _Function) -> bool:
    """Whether nothing is said of what a method returns, or that it returns nothing."""
    return method.returns is None or (
        isinstance(method.returns, ast.Constant) and method.returns.value in (None, "None")
    )


def _emptiness(function: _Function, owner: ast.ClassDef | None) -> str:
    """What a function that does nothing consists of, ``""`` for one that does something."""
    body, said = function.body, docstring(function)
    if said is not None:
        body = body[1:]
    how = _refusal(body)
    if how or (said and _ON_PURPOSE.search(said)):
        return how
    if not body:
        return "it has a docstring and no body"
    if len(body) > 1 and all(_is_nothing(each) for each in body):
        return "its body does nothing"
    if len(body) > 1:
        return ""
    only = body[0]
    if isinstance(only, ast.Pass):
        return "its body is 'pass'"
    if _is_nothing(only):
        return "its body is '...'"
    return _nothing_returned(only, function, owner)


def _refusal(body: list[ast.stmt]) -> str:
    """How a function that never comes to a result says that it is not there."""
    if not body:
        return ""
    first, last = body[0], body[-1]
    if _says_missing(first):
        return f"it raises {_raised(first)}"
    returns = any(isinstance(each, ast.Return | ast.Yield | ast.YieldFrom) for one in body for each in ast.walk(one))
    if not returns and _says_missing(last) and not any(isinstance(each, ast.Try) for each in body):
        return f"whatever it does, it raises {_raised(last)} in the end"
    return ""


def _says_missing(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Raise) or statement.exc is None:
        return False
    words = " ".join(
        each.value for each in ast.walk(statement.exc) if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )
    if _raised(statement) == "NotImplementedError":
        return not (_NOT_SUPPORTED.search(words) and not _NOT_THERE.search(words))
    return _raised(statement) in _FAILURES and bool(_NOT_THERE.match(words.strip()))


def _raised(statement: ast.stmt) -> str:
    return _last_name(statement.exc) if isinstance(statement, ast.Raise) and statement.exc is not None else ""


def _nothing_returned(only: ast.stmt, function: _Function, owner: ast.ClassDef | None) -> str:
    """A body that is ``return None`` where something else is expected of it."""
    if not isinstance(only, ast.Return):
        return ""
    value = only.value
    if isinstance(value, ast.Name) and value.id == "NotImplemented" and not function.name.startswith("__"):
        return "its body is 'return NotImplemented'"
    if value is not None and not (isinstance(value, ast.Constant) and value.value in (None, ...)):
        return ""
    wanted = written(function.returns) if function.returns is not None else ""
    nothing_is_right = re.search(r"\bNone\b|\bOptional\b|\bAny\b|\bobject\b", wanted) is not None
    on_purpose = _QUIET.search(function.name) is not None or bool(function.decorator_list)
    if wanted and wanted not in ("None", "'None'"):
        return "" if nothing_is_right else f"it returns nothing, and says that it returns {wanted}"
    return "" if owner is not None or on_purpose else "its body is 'return None'"


def _classes(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, str]]:
    """Classes that hold nothing, are derived from nothing, and that nothing here is derived from, made of or compared with."""
    used = {_last_name(each) for each in _values(tree)}
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or node.bases or node.keywords or node.decorator_list:
            continue
        said = docstring(node) or ""
        body = node.body[1:] if said else node.body
        if node.name in used or node.name.startswith("_") or not all(_is_nothing(each) for each in body):
            continue
        if not (
            _ON_PURPOSE.search(said)
            or _A_BASE.search(said)
            or re.search(r"(?i)\b(?:marker|sentinel|tag|namespace)\b", said)
        ):
            yield node, "it holds nothing"


def _lambdas(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    for node in tree.body:
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(node.value, ast.Lambda):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        body = node.value.body
        nothing = isinstance(body, ast.Constant) and body.value in (None, ...)
        if nothing and isinstance(target, ast.Name) and not (_QUIET.search(target.id) or _HANDLER.search(target.id)):
            yield target.id, node.lineno, f"whatever it is called with, it gives {written(body)}"


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


def _derived_from(tree: ast.Module) -> set[str]:
    return {_last_name(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Subscript):
        node = node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
