"""What a Python file offers and what it imports, by parsing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

__all__ = ["imports", "module", "outline"]

_INDENT = "    "


def module(path: str) -> str:
    """``src/shop/prices.py`` is ``shop.prices``; ``""`` for what is no module."""
    if not path.endswith(".py"):
        return ""
    parts = path.removesuffix(".py").removeprefix("src/").split("/")
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def imports(text: str) -> frozenset[str]:
    """Modules and names that are imported anywhere in the file; a relative import keeps its dots."""
    tree = _parsed(text)
    if tree is None:
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            found.add(source)
            found.update(f"{source}.{alias.name}" for alias in node.names)
    return frozenset(found)


def outline(text: str) -> str:
    """Imports, constants, signatures and first lines of docstrings."""
    tree = _parsed(text)
    return "" if tree is None else "\n".join(_lines(tree.body, ""))


def _lines(body: Iterable[ast.stmt], indent: str) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from (f"{indent}@{ast.unparse(each)}" for each in node.decorator_list)
            yield from _definition(node, indent)
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.AnnAssign):
            yield indent + ast.unparse(node)
        elif isinstance(node, ast.Assign):
            line = indent + ast.unparse(node)
            yield line if len(line) <= 120 else f"{line[:119]}…"


def _definition(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, indent: str) -> Iterator[str]:
    summary = (ast.get_docstring(node) or "").split("\n", 1)[0]
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(each) for each in (*node.bases, *(word.value for word in node.keywords)))
        yield f"{indent}class {node.name}{f'({bases})' if bases else ''}:"
        if summary:
            yield f'{indent}{_INDENT}"""{summary}"""'
        yield from _lines(node.body, indent + _INDENT)
    else:
        word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
        returns = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
        told = f'  """{summary}"""' if summary else ""
        yield f"{indent}{word} {node.name}({ast.unparse(node.args)}){returns}: ...{told}"


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
