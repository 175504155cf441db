"""The top of a Python module, to which everybody adds: its imports and ``__all__``. Pure; the code is parsed, never run.

A module is merged by taking one side's lines where both changed these statements, and then adding the names that only the other side has.
"""

from __future__ import annotations

import ast
import re

from attrs import frozen

from .three_way import regions

__all__ = ["merge_python"]

_LONGEST_LINE = 120

#: An import: module (with its dots), name ("" for ``import module``), what it is called here ("" for the same).
_Import = tuple[str, str, str]


@frozen
class _Top:
    """The imports and ``__all__`` at the top level of a module."""

    statements: tuple[ast.stmt, ...]
    imports: tuple[_Import, ...]
    exports: tuple[str, ...]
    export_list: ast.List | ast.Tuple | None

    def lines(self) -> set[int]:
        """Numbers, from 0, of the lines that these statements are on."""
        return {
            line
            for statement in self.statements
            for line in range(statement.lineno - 1, statement.end_lineno or statement.lineno)
        }


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
    text = _with_our_tops(base, ours, theirs, (before, mine, other))
    wanted = [one for one in other.imports if one not in mine.imports]
    exported = [one for one in other.exports if one not in mine.exports]
    for one in wanted:
        text = text and _with_import(text, one)
    if exported:
        text = text and _with_exports(text, exported)
    if text is None:
        return None
    found = _read(text)
    if found is None or _ambiguous(found):
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
    return _Top(tuple(statements), tuple(imports), tuple(exports), export_list)


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


def _with_our_tops(base: str, ours: str, theirs: str, tops: tuple[_Top, _Top, _Top]) -> str | None:
    """The three-way merge, with our lines where both changed imports or exports; ``None`` when they met anywhere else."""
    texts = [text.splitlines(keepends=True) for text in (base, ours, theirs)]
    soft = [top.lines() for top in tops]
    merged: list[str] = []
    for region in regions(*texts):
        if region.kind == "theirs":
            merged += texts[2][slice(*region.theirs)]
            continue
        if region.kind == "both":
            for lines, known, place in zip(texts, soft, (region.base, region.ours, region.theirs), strict=True):
                if any(number not in known and lines[number].strip() for number in range(*place)):
                    return None
        merged += texts[1][slice(*region.ours)]
    return "".join(merged)


def _with_import(text: str, wanted: _Import) -> str | None:
    """``text`` with one import more: among others from that module, else behind the last one."""
    top = _read(text)
    if top is None or wanted in top.imports:
        return text if top is not None else None
    module, name, alias = wanted
    if module == "__future__" or name == "*":
        return None
    lines = text.splitlines(keepends=True)
    said = f"{name} as {alias}" if alias else name
    if name:
        for statement in top.statements:
            if isinstance(statement, ast.ImportFrom) and "." * statement.level + (statement.module or "") == module:
                return _extended(lines, statement, said)
    imports = [each for each in top.statements if isinstance(each, ast.Import | ast.ImportFrom)]
    if not imports:
        return None
    line = f"from {module} import {said}\n" if name else f"import {module}{f' as {alias}' if alias else ''}\n"
    lines.insert(imports[-1].end_lineno or imports[-1].lineno, line)
    return "".join(lines)


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
