"""Runs pytest with the code under test made hollow: whatever is called of it raises. Runs in the sandbox, from its text.

Arguments: where the JUnit XML goes, the names of the modules with commas between, then paths of tests. A test that passes here proves nothing about that code.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import pytest

results, names, *paths = sys.argv[1:]
hollow = frozenset(name for name in names.split(",") if name)
around = frozenset(".".join(name.split(".")[:end]) for name in hollow for end in range(1, name.count(".") + 1)) - hollow


class SubjectIsHollow(Exception):
    """The code under test was called."""


def refuse(*arguments: Any, **named: Any) -> NoReturn:
    raise SubjectIsHollow("the code under test is not there in this run")


class Anything(type):
    """Every attribute is there, and everything that is done with it raises."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Hollow

    __call__ = __iter__ = __len__ = __getitem__ = __contains__ = __bool__ = refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __lt__ = __le__ = __gt__ = __ge__ = refuse


class Hollow(Exception, metaclass=Anything):
    """Stands for every name of a hollow module; an exception, so that ``pytest.raises`` takes it."""


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the hollow modules before anything else does, and packages around them only where nothing else does."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if name in hollow or any(name.startswith(each + ".") for each in hollow):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__.update(__getattr__=self.attribute, __all__=[])

    @staticmethod
    def attribute(name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Hollow


class Around(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Packages that hold hollow modules and are not there themselves."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if name in around else None

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to do: such a package only holds others."""


def plain_options(*, one_process: bool) -> list[str]:
    """Options that have plugins of the tree not measure as well, and fail for it, nor run tests in processes that are not looked at."""
    files = [Path(name) for name in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")]
    configured = "".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
    options = {"pytest_cov": ("--no-cov", "cov"), **({"xdist": ("-n0", "xdist")} if one_process else {})}
    return [
        option
        for module, (option, name) in options.items()
        if importlib.util.find_spec(module) is not None and not re.search(rf"no:(pytest_)?{name}\b", configured)
    ]


def be_brief(files: list[str]) -> None:
    """Have properties tried once, and their failures not made smaller: that they fail is all that is asked."""
    if any(b"hypothesis" in Path(each).read_bytes() for each in files if Path(each).is_file()):
        from hypothesis import HealthCheck, Phase, settings

        checks = list(HealthCheck)
        settings.register_profile("hollow", phases=(Phase.explicit, Phase.generate), suppress_health_check=checks)
        settings.load_profile("hollow")


options = plain_options(one_process=True)
be_brief(paths)
sys.path[:0] = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
sys.meta_path.insert(0, Finder())
sys.meta_path.append(Around())
sys.exit(
    int(
        pytest.main(
            [
                *(
                    "-q",
                    "--tb=no",
                    "-p",
                    "no:cacheprovider",
                    "--continue-on-collection-errors",
                    "--junitxml=" + results,
                ),
                *("-o", "junit_family=xunit1", "-o", "junit_logging=no"),
                *options,
                *paths,
            ]
        )
    )
)
