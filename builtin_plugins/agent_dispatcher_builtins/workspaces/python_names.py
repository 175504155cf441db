"""The top of a Python module, to which everybody adds: its imports and ``__all__``. Pure; the code is parsed, never run.

A module is merged by taking one side's lines where both changed these statements, and then adding there the names that only the other side has. Where
both sides met in anything but whole lines of imports and exports, a comment or a second statement on such a line among them, nothing is merged.
"""

from __future__ import annotations

import ast
import re
from collections import Counter

from attrs import frozen

from .three_way import regions

__all__ = ["merge_python"]

_LONGEST_LINE = 120

#: An import: module (with its dots), name ("" for ``import module``), what it is called here ("" for the same).
_Import = tuple[str, str, str]


@frozen
class _Top:
    """The imports and ``__all__`` at the top level of a module.

    Attributes:
        shared: numbers, from 0, of lines that more than one statement is on.
        defined: names that are given a meaning at the top level otherwise than by an import.
    """

    statements: tuple[ast.stmt, ...]
    imports: tuple[_Import, ...]
    exports: tuple[str, ...]
    export_list: ast.List | ast.Tuple | None
    shared: frozenset[int]
    defined: frozenset[str]

    def lines(self) -> set[int]:
        """Numbers, from 0, of the lines that these statements have for themselves."""
        return {line for statement in self.statements for line in _lines_of(statement)} - self.shared

    def in_two_ways(self) -> set[str]:
        """Names that are imported and also defined."""
        return {alias or name or module.partition(".")[0] for module, name, alias in self.imports} & self.defined


def _lines_of(statement: ast.stmt) -> range:
    return range(statement.lineno - 1, statement.end_lineno or statement.lineno)


def merge_python(base: str, ours: str, theirs: str) -> str | None:
    """``ours`` and ``theirs`` in one, when both only added imports and exports where they meet; else ``None``."""
    tops = [_read(text) for text in (base, ours, theirs)]
    before, mine, other = tops
    if before is None or mine is None or other is None:
        return None
    for names in ("imports", "exports"):
        was = set(getattr(before, names))
        if not was <= set(getattr(mine, names)) or not was <= set(getattr(other, names)):
            return None
    met = _with_our_tops(base, ours, theirs, (before, mine, other))
    if met is None:
        return None
    text: str | None
    text, last = met
    for one in (one for one in other.imports if one not in mine.imports):
        added = _with_import(text, one, last) if text is not None else None
        text, last = added or (None, last)
    exported = [one for one in other.exports if one not in mine.exports]
    if exported:
        text = text and _with_exports(text, exported)
    if text is None:
        return None
    found = _read(text)
    if found is None or _ambiguous(found) or not found.in_two_ways() <= mine.in_two_ways() | other.in_two_ways():
        return None
    complete = set(found.imports) == {*mine.imports, *other.imports} and set(found.exports) == {
        *mine.exports,
        *other.exports,
    }
    return text if complete and len(found.exports) == len(set(found.exports)) else None


def _read(text: str) -> _Top | None:
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    statements: list[ast.stmt] = []
    imports: list[_Import] = []
    exports: list[str] = []
    export_list = None
    for statement in module.body:
        if isinstance(statement, ast.Import):
            imports += [(each.name, "", each.asname or "") for each in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            source = "." * statement.level + (statement.module or "")
            imports += [(source, each.name, each.asname or "") for each in statement.names]
        elif _is_export(statement):
            value = getattr(statement, "value", None)
            if not isinstance(value, ast.List | ast.Tuple) or export_list is not None:
                return None
            for entry in value.elts:
                if not isinstance(entry, ast.Constant) or not isinstance(entry.value, str):
                    return None
                exports.append(entry.value)
            export_list = value
        else:
            continue
        statements.append(statement)
    taken = Counter(line for statement in module.body for line in _lines_of(statement))
    shared = frozenset(line for line, count in taken.items() if count > 1)
    return _Top(tuple(statements), tuple(imports), tuple(exports), export_list, shared, _defined(module))


def _defined(module: ast.Module) -> frozenset[str]:
    """Names that the module's own statements bind, also in branches, but not inside of functions and classes."""
    found: set[str] = set()
    waiting: list[ast.AST] = list(module.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not isinstance(node, ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return frozenset(found)


def _is_export(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)


def _ambiguous(top: _Top) -> bool:
    """Whether a name is imported from two places; ``import a.b`` and ``import a.c`` both mean ``a``."""
    meaning: dict[str, str] = {}
    for module, name, alias in top.imports:
        if not name and not alias:
            here, what = module.partition(".")[0], module.partition(".")[0]
        else:
            here, what = alias or name, f"{module}:{name}"
        if here != "*" and meaning.setdefault(here, what) != what:
            return True
    return False


def _with_our_tops(
    base: str, ours: str, theirs: str, tops: tuple[_Top, _Top, _Top]
) -> tuple[str, tuple[int, int]] | None:
    """The three-way merge, with our lines where both changed imports or exports, and where in it the last place is in which
    both imported something (half-open, from 0).

    ``None`` when they met in anything else, or when their lines say more than the names do.
    """
    texts = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    soft = [top.lines() for top in tops]
    imported = {each.lineno - 1 for each in tops[2].statements if isinstance(each, ast.Import | ast.ImportFrom)}
    merged: list[str] = []
    last = (0, 0)
    for region in regions(*texts):
        if region.kind == "theirs":
            merged += texts[2][slice(*region.theirs)]
            continue
        if region.kind == "both":
            for lines, known, place in zip(texts, soft, (region.base, region.ours, region.theirs), strict=True):
                if any(number not in known and lines[number].strip() for number in range(*place)):
                    return None
            mine = texts[1][slice(*region.ours)]
            if any("#" in line and line not in mine for line in texts[2][slice(*region.theirs)]):
                return None
            if imported & set(range(*region.theirs)):
                last = (len(merged), len(merged) + len(mine))
        merged += texts[1][slice(*region.ours)]
    return "".join(merged), last


def _with_import(text: str, wanted: _Import, place: tuple[int, int]) -> tuple[str, tuple[int, int]] | None:
    """``text`` with one import more, and the place after that: among others from that module, else behind the last one in the place where both
    sides added."""
    top = _read(text)
    if top is None or wanted in top.imports:
        return (text, place) if top is not None else None
    module, name, alias = wanted
    if module == "__future__" or name == "*":
        return None
    lines = text.splitlines(keepends=True)
    said = f"{name} as {alias}" if alias else name
    start, end = place
    if name:
        for statement in top.statements:
            if isinstance(statement, ast.ImportFrom) and "." * statement.level + (statement.module or "") == module:
                found = _extended(lines, statement, said)
                more = found.count("\n") - text.count("\n") if found is not None else 0
                moved = more if statement.lineno - 1 < start else 0
                return (found, (start + moved, end + more)) if found is not None else None
    imports = [
        each for each in top.statements if isinstance(each, ast.Import | ast.ImportFrom) and each.lineno - 1 < end
    ]
    if not imports:
        return None
    if imports[-1].lineno - 1 < start and any(line.strip() for line in lines[_lines_of(imports[-1]).stop : start]):
        return None  # there is other code between the imports and where both sides added
    line = f"from {module} import {said}\n" if name else f"import {module}{f' as {alias}' if alias else ''}\n"
    lines.insert(_lines_of(imports[-1]).stop, line)
    return "".join(lines), (start, end + 1)


def _extended(lines: list[str], statement: ast.stmt, entry: str) -> str | None:
    """A statement that ends in a list of names, with one more."""
    first, last = statement.lineno - 1, (statement.end_lineno or statement.lineno) - 1
    block = lines[first : last + 1]
    if "#" in "".join(block) or ";" in "".join(block) or "\\\n" in "".join(block):
        return None
    ends = "\n" if block[-1].endswith("\n") else ""
    if first == last:
        head = block[0].rstrip("\n")
        closing = re.search(r",?\s*([)\]])$", head)
        whole = f"{head[: closing.start()]}, {entry}{closing[1]}" if closing else f"{head}, {entry}"
        if len(whole) > _LONGEST_LINE:
            return None
        lines[first] = whole + ends
        return "".join(lines)
    if block[-1].strip() not in (")", "]"):
        return None
    entry_before = block[-2].rstrip("\n")
    indent = entry_before[: len(entry_before) - len(entry_before.lstrip())]
    if len(block) > 2 and not entry_before.endswith(","):
        lines[last - 1] = entry_before + ",\n"
    if len(block) == 2:
        indent = "    "
    lines.insert(last, f"{indent}{entry},\n")
    return "".join(lines)


def _with_exports(text: str, exported: list[str]) -> str | None:
    """``text`` with these names in ``__all__``."""
    for name in exported:
        top = _read(text)
        if top is None or top.export_list is None:
            return None
        if name in top.exports:
            continue
        statement = next(each for each in top.statements if _is_export(each))
        if not top.exports:
            return None
        found = _extended(text.splitlines(keepends=True), statement, f'"{name}"')
        if found is None:
            return None
        text = found
    return text
