"""Which of several versions a lock file means for this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent_dispatcher_builtins.languages.python.declared import asked_by, opened
from agent_dispatcher_builtins.languages.python.locks import lock_of
from agent_dispatcher_builtins.languages.python.options import PythonOptions
from agent_dispatcher_builtins.languages.python.ordering import order_of

_PACKAGE = '[[package]]\nname = "Adder"\nversion = "{}"\nfiles = [{{ file = "a.whl", hash = "sha256:0{}" }}]\n{}\n'


@pytest.mark.parametrize(
    ("more", "asked", "meant"),
    [
        (("", "", ""), "*", "3"),
        (("", "", ""), "<3", "2"),
        (("", "", ""), "<=1 || ==3", "3"),
        (("", "", 'python-versions = "<3"'), "*", "2"),
        (("", "", "markers = \"python_version < '3'\""), "*", "2"),
        (("", "markers = \"extra == 'test'\"", "markers = \"extra == 'docs'\""), "*", "2"),
        (("", "", "markers = { main = \"os_name == 'x'\", dev = \"os_name != 'x'\" }"), "*", "3"),
        (("", "", '[package.source]\ntype = "directory"'), "*", "2"),
        (("", "", '[package.source]\ntype = "legacy"'), "*", "3"),
    ],
)
def test_of_several_versions_that_is_meant_which_is_for_this_machine_and_asked_for(
    write: Callable[..., Path], more: tuple[str, ...], asked: str, meant: str
) -> None:
    """Where the lock file does not tell it is the newest: older ones are for older versions of Python."""
    lock = "".join(_PACKAGE.format(f"{number}.0", number, each) for number, each in enumerate(more, 1))
    manifest = f"[tool.poetry.dependencies]\nadder = '{asked}'\n"
    tree = write({"poetry.lock": lock, "pyproject.toml": manifest})
    found = lock_of(opened(tree), asked_by(tree).asked)
    assert (found.pins["adder"].version, found.pins["adder"].digests) == (f"{meant}.0", {f"sha256:0{meant}"})


@pytest.mark.parametrize(("locked", "ordered"), [("1.0", "adder"), ("", "adder==2.0")])
def test_of_a_choice_that_pip_cannot_be_told_a_lock_file_says_which(
    write: Callable[..., Path], locked: str, ordered: str
) -> None:
    """Without one it is the newest, and that is said."""
    files = {"pyproject.toml": "[tool.poetry.dependencies]\nadder = '1.0 || 2.0'\n"}
    tree = write({**files, **({"poetry.lock": _PACKAGE.format(locked, 1, "")} if locked else {})})
    notes: list[str] = []
    order = order_of(asked_by(tree).asked, tree, PythonOptions(packages=("*",)), {}, notes.append)
    assert order is not None
    assert order.requirements == (ordered,)
    assert bool(notes) == (not locked)
