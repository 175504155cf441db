"""What both sides only added to is merged, and nothing else."""

from __future__ import annotations

import ast
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher_builtins.workspaces.additive import merge_additions
from agent_dispatcher_builtins.workspaces.three_way import regions

_BODY = "\n\ndef f():\n    return 1\n"


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "merged"),
    [
        ("import os\n", "import os\nimport re\n", "import os\nimport sys\n", "import os\nimport re\nimport sys\n"),
        ("from a import b\n", "from a import b, c\n", "from a import b, d\n", "from a import b, c, d\n"),
        ("from .a import A\n", "from .a import A\nfrom .b import B\n", "from .a import A\nfrom .c import C\n", None),
        (
            "from a import (\n    b,\n)\n",
            "from a import (\n    b,\n    c,\n)\n",
            "from a import (\n    b,\n    d,\n)\n",
            "from a import (\n    b,\n    c,\n    d,\n)\n",
        ),
        (
            'from .a import A\n\n__all__ = ["A"]\n',
            'from .a import A\nfrom .b import B\n\n__all__ = ["A", "B"]\n',
            'from .a import A\nfrom .c import C\n\n__all__ = ["A", "C"]\n',
            'from .a import A\nfrom .b import B\nfrom .c import C\n\n__all__ = ["A", "B", "C"]\n',
        ),
        ("import os\n", "import os, re  # x\n", "import os, sys\n", "import os, re  # x\nimport sys\n"),
        ("", "from .a import A\n", "from .b import B\n", "from .a import A\nfrom .b import B\n"),
    ],
)
def test_imports_and_exports_are_merged(base: str, ours: str, theirs: str, merged: str | None) -> None:
    """The text is ours with what theirs added, in the style it has."""
    merged = merged or "from .a import A\nfrom .b import B\nfrom .c import C\n"
    assert merge_additions("pkg/__init__.py", base, ours, theirs) == merged
    assert merge_additions("pkg/m.py", base + _BODY, ours + _BODY, theirs + _BODY) == merged + _BODY


@pytest.mark.parametrize(
    ("base", "ours", "theirs"),
    [
        ("import os\n", "import os\nimport re\n", "import sys\n"),  # one side took something away
        ("import os\n", "import os\nfrom a import x\n", "import os\nfrom b import x\n"),  # x means two things
        ("import os\n", "import os\nimport a as x\n", "import os\nimport b as x\n"),
        ("import os\n", "import os\nX = 1\n", "import os\nX = 2\n"),  # something else than imports
        ("import os\n", "import os\nimport re\nX = 1\n", "import os\nimport sys\n"),
        ("import os\n", "import os\nimport re\n", "import os\nimport (\n"),  # not Python
        ("import os\n", "import os\nfrom a import *\n", "import os\nfrom b import *\n"),  # may hide each other
        ("from a import b  # one\n", "from a import b, c  # one\n", "from a import b, d  # two\n"),
        ("X = {\n}\n", 'X = {\n    "a": 1,\n}\n', 'X = {\n    "b": 1,\n}\n'),  # a registry is code
        ("", "__all__ = [name for name in x]\n", '__all__ = ["b"]\n'),
        (
            "import a; X = 1\n",
            "import a; X = 1\nimport b\n",
            "import a; X = 2\nimport c\n",
        ),  # more than an import on a line
        ("import a\n", "import a\nimport b\n", "import a\nimport c  # noqa: F401\n"),  # a comment says something, too
        (
            "import os\n",
            "import os\nimport re\n\n\ndef load(): ...\n",
            "import os\nfrom lib import load\n",
        ),  # load means two things
        (
            "import os\n\x0c\n",
            "import os\nimport re\n\x0c\n",
            "import os\nimport sys\n\x0c\n",
        ),  # lines that not everybody counts alike
        (
            "def f():\n    import os\n",
            "def f():\n    import os\n    import re\n",
            "def f():\n    import os\n    import sys\n",
        ),
    ],
)
def test_what_has_to_be_decided_is_left(base: str, ours: str, theirs: str) -> None:
    """Whoever understands it decides."""
    assert merge_additions("m.py", base, ours, theirs) is None


def test_an_import_stays_where_it_was_added() -> None:
    """Not behind the last import of the module, which other code may stand in front of."""
    top, rest = "import os\n", "\nX = os.name\n\nfrom late import y\n"
    merged = merge_additions("m.py", top + rest, top + "import re\n" + rest, top + "import sys\n" + rest)
    assert merged == top + "import re\nimport sys\n" + rest
    exports = [
        f'\nX = 1\n\n__all__ = [\n    "X",\n{name}]\n'
        for name in ("", '    "a",\n', '    "b",\n', '    "a",\n    "b",\n')
    ]
    merged = merge_additions(
        "m.py", top + exports[0], f"{top}from .a import a\n{exports[1]}", f"{top}from .b import b\n{exports[2]}"
    )
    assert merged == f"{top}from .a import a\nfrom .b import b\n{exports[3]}", "exports stand apart from the imports"


def test_a_list_of_requirements() -> None:
    """A line each; the same package asked for in two ways is to be decided."""
    base = "attrs>=23\n"
    assert merge_additions("requirements.txt", base, base + "click\n", base + "rich>=13 ; python_version>'3'\n") == (
        "attrs>=23\nclick\nrich>=13 ; python_version>'3'\n"
    )
    assert merge_additions("dev-requirements.in", base, base + "click>=8\n", base + "Click>=7\n") is None
    assert merge_additions("requirements.txt", base, "attrs>=24\n", "attrs>=25\n") is None
    assert merge_additions("requirements.txt", base, base + "-r a.txt\n", base + "-r b.txt\n") is None
    assert merge_additions("notes.txt", base, base + "click\n", base + "rich\n") is None


@pytest.mark.parametrize("style", ["lines", "line"])
def test_dependencies_in_pyproject(style: str) -> None:
    """In either style; everything else in the file is as both sides left it."""

    def text(*names: str, version: str = "1") -> str:
        entries = (
            "\n" + "".join(f'    "{name}",\n' for name in names)
            if style == "lines"
            else ", ".join(map(json.dumps, names))
        )
        return f'[project]\nversion = "{version}"\nname = "x"\ndependencies = [{entries}]\n\n[tool.ruff]\n'

    merged = merge_additions("pyproject.toml", text("a"), text("a", "b"), text("a", "c>=2", version="2"))
    if style == "lines":
        assert merged == text("a", "b", "c>=2", version="2")
    assert merged is not None and tomllib.loads(merged) == tomllib.loads(text("a", "b", "c>=2", version="2"))
    assert merge_additions("pyproject.toml", text("a"), text("a", "b>=1"), text("a", "b>=2")) is None
    assert merge_additions("pyproject.toml", text("a"), text("b"), text("a", "c")) is None
    assert merge_additions("pyproject.toml", text(), text(version="2"), text(version="3")) is None


def test_a_list_that_is_no_dependencies_is_left() -> None:
    """The order and the meaning of other lists are not known."""
    base, ours, theirs = (f"[tool.x]\norder = [\n{names}]\n" for names in ("", '    "a",\n', '    "b",\n'))
    assert merge_additions("pyproject.toml", base, ours, theirs) is None


def test_dependencies_in_package_json() -> None:
    """Entries of both; what both changed otherwise is left."""

    def text(**names: str) -> str:
        return json.dumps({"name": "x", "dependencies": {"a": "^1", **names}}, indent=2) + "\n"

    assert merge_additions("web/package.json", text(), text(b="^2"), text(c="^3")) == text(b="^2", c="^3")
    assert merge_additions("web/package.json", text(), text(b="^2"), text(b="^3")) is None
    assert merge_additions("web/package.json", text(), text(b="^2"), text(c="^3").replace('"x"', '"y"')) is not None
    other = text(c="^3").replace('"x"', '"y"')
    assert merge_additions("web/package.json", text(), text(b="^2").replace('"x"', '"z"'), other) is None


def test_a_package_asked_for_in_two_ways_anywhere() -> None:
    """Not only in the same list: whoever installs has to meet both."""

    def toml(*names: str, dev: str) -> str:
        entries = "".join(f'    "{name}",\n' for name in names)
        return f'[project]\nname = "x"\ndependencies = [\n{entries}]\n\n[dependency-groups]\ndev = ["{dev}"]\n'

    base = toml("a", dev="c")
    ours, theirs = toml("a", "b>=2", dev="c"), toml("a", "d", dev='c", "b<2')
    assert merge_additions("pyproject.toml", base, ours, theirs) is None
    same = merge_additions("pyproject.toml", base, ours, toml("a", "d", dev='c", "b >= 2'))
    assert same is not None and tomllib.loads(same)["project"]["dependencies"] == ["a", "b>=2", "d"]
    both_ways = toml("a", "d", "b>=2", dev="b<2")  # as one side already has it, it was decided
    assert merge_additions("pyproject.toml", toml("a", "b>=2", dev="b<2"), toml("a", "e", "b>=2", dev="b<2"), both_ways)

    def package(**more: object) -> str:
        return json.dumps({"name": "x", **more}, indent=2) + "\n"

    dev = package(devDependencies={"b": "^1"})
    assert merge_additions("package.json", package(), package(dependencies={"b": "^2"}), dev) is None
    assert merge_additions("package.json", package(), package(dependencies={"c": "^2"}), dev) is not None


@pytest.mark.parametrize("other", [{"type": "module"}, {"scripts": {"postinstall": "b"}}, {"files": ["b"]}])
def test_nothing_else_of_package_json(other: dict[str, object]) -> None:
    """What is added at the same place and is no dependency is left, also when only one side did."""
    base, ours, theirs = (
        json.dumps({"name": "x", **more}, indent=2) + "\n" for more in ({}, {"dependencies": {"b": "^2"}}, other)
    )
    assert merge_additions("package.json", base, ours, theirs) is None
    assert merge_additions("package.json", base, theirs, ours) is None
    twins = ours.replace('"b": "^2"', '"b": "^2",\n    "b": "^3"')
    assert merge_additions("package.json", base, ours.replace("b", "c"), twins) is None


def test_line_ends_of_another_world_are_left() -> None:
    """A file with carriage returns is not written anew."""
    assert merge_additions("m.py", "import os\r\n", "import os\r\nimport re\r\n", "import os\r\nimport sys\r\n") is None


_lines = st.lists(st.sampled_from("abcd"), max_size=8)


@given(base=_lines, ours=_lines, theirs=_lines)
def test_regions_cover_everything(base: list[str], ours: list[str], theirs: list[str]) -> None:
    """Read in order they are the three texts, and what they are called is true."""
    ends = (0, 0, 0)
    for region in regions(base, ours, theirs):
        places = (region.base, region.ours, region.theirs)
        assert tuple(place[0] for place in places) == ends
        ends = tuple(place[1] for place in places)  # type: ignore[assignment]
        before, mine, other = (text[slice(*place)] for text, place in zip((base, ours, theirs), places, strict=True))
        expected = "same" if mine == other else "theirs" if mine == before else "ours" if other == before else "both"
        assert region.kind == expected
    assert ends == (len(base), len(ours), len(theirs))


_names = st.lists(st.sampled_from([f"m{number}" for number in range(8)]), unique=True, max_size=4)


@given(base=_names, mine=_names, other=_names)
def test_a_merge_has_all_of_both(base: list[str], mine: list[str], other: list[str]) -> None:
    """Whatever both import is imported once, and the rest of the module is there."""

    def text(names: list[str]) -> str:
        return "import os\n" + "".join(f"from .{name} import {name}\n" for name in names) + _BODY

    ours, theirs = (
        [*base, *(each for each in mine if each not in base)],
        [*base, *(each for each in other if each not in base)],
    )
    merged = merge_additions("m.py", text(base), text(ours), text(theirs))
    assert merged is not None
    imported = [each.module for each in ast.parse(merged).body if isinstance(each, ast.ImportFrom)]
    assert sorted(imported, key=str) == sorted({*ours, *theirs}) and merged.endswith(_BODY)
