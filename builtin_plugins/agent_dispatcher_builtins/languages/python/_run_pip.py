"""Runs pip with an environment that it is not installed in, and lets it start no program: nothing can be built, and no repository fetched.

Arguments: the folder that pip's package is in, then pip's own.
"""

import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

_FORBIDDEN = (
    "subprocess.Popen",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "pty.spawn",
)
folder = sys.argv.pop(1)


class OnlyPip:
    """Finds pip where it is, and nothing of what lies beside it."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "pip":
            return None
        return PathFinder.find_spec(name, [folder], target)


def refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        raise PermissionError("no program is started while packages are installed: " + str(arguments[:2]))


sys.addaudithook(refuse)
sys.meta_path.insert(0, OnlyPip)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
