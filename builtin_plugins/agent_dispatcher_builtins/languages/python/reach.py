"""Whether tests could notice that files were added. Files are read, never run.

A test can come out otherwise because of a new file in four ways, and each is looked for:

- pytest or the interpreter take the file by its *name*: ``conftest.py``, configuration, ``sitecustomize``, a package's ``__init__``, a new test;
- it is *importable as something else*: a module outside of any package may hide one of the standard library or one that is installed;
- code or configuration *names* it: its stem occurs as a word in a file that was there before;
- code *comes upon* it: it lists files, imports by names that it makes up, runs other programs, or has the ending of the file in one of its texts.

What is left is a file in a folder that is a package already, or that no import looks into, which nothing names and nothing can come upon. In doubt a file
is noticed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace.path_guard import GuardedFolder

__all__ = ["reaches_tests"]

_TAKEN_BY_NAME = frozenset(
    [
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "__init__.py",
        "__main__.py",
        "setup.py",
        "setup.cfg",
        "tox.ini",
        "noxfile.py",
        "pytest.ini",
        ".pytest.ini",
        "pytest.toml",
        ".pytest.toml",
        "pyproject.toml",
        ".coveragerc",
        "manage.py",
        "MANIFEST.in",
        "requirements.txt",
        "entry_points.txt",
    ]
)
#: Endings of code and data that cannot be read here, or that the interpreter takes from any place.
_OPAQUE = frozenset({".pth", ".so", ".pyd", ".pyc", ".pyo", ".dll", ".egg", ".whl", ".zip", ".egg-link", ".dist-info"})
#: Words of code (and of configuration) that finds files, or imports by names that it makes up.
_FINDS = re.compile(
    r"\b(r?i?glob|iterdir|listdir|scandir|f?walk|walk_packages|iter_modules|pkgutil|importlib|import_module|__import__|find_spec|runpy|entry_points"
    r"|exec|eval|subprocess|create_subprocess\w*|Popen|os\.system|os\.popen|os\.exec\w*|os\.spawn\w*|copytree|make_archive|compileall|compile_dir|filecmp"
    r"|doctest\w*|python_files|python_classes|python_functions|pytester|testdir|FileSystemLoader|PackageLoader)\b"
)
_WORD = re.compile(r"\w+")
_CODE = (".py", ".pyi", ".toml", ".cfg", ".ini", ".pyx", ".in", ".txt", ".json", ".yaml", ".yml")
_MOST_BYTES = 1024**2
_MOST_FILES = 5000
#: How many texts are remembered by their digests.
_MOST_REMEMBERED = 4 * _MOST_FILES
_remembered: dict[bytes, str] = {}


def reaches_tests(added: Sequence[str], tree: Path) -> str:
    """See :class:`agent_dispatcher.extension.components.Reaching`."""
    folder = GuardedFolder(tree, max_bytes=_MOST_BYTES)
    new = frozenset(added)
    there = [path for path in folder.files() if path not in new]
    if len(there) > _MOST_FILES:
        return "there are too many files to look through"
    folders = {parent.as_posix() for path in there for parent in PurePosixPath(path).parents}
    modules = {path.removesuffix("/__init__.py") for path in there if path.endswith("/__init__.py")}
    for path in sorted(new):
        why = _by_itself(path, folders, modules)
        if why:
            return f"{path} {why}"
    return _by_others(folder, there, sorted(new))


def _by_itself(path: str, folders: set[str], modules: set[str]) -> str:
    """How it is noticed for its name and place."""
    place = PurePosixPath(path)
    parent = place.parent.as_posix()
    if place.name in _TAKEN_BY_NAME or place.name.startswith("."):
        return "is taken for what it is called"
    if place.suffix in _OPAQUE:
        return "is loaded wherever it is"
    if place.suffix not in (".py", ".pyi"):
        return ""
    if "test" in path.lower():
        return "runs together with other tests"
    if parent not in modules:
        return "can be imported by a name that hides another module"
    if f"{parent}/{place.stem}" in folders:
        return "hides a folder of the same name"
    return ""


def _by_others(folder: GuardedFolder, there: Sequence[str], added: Sequence[str]) -> str:
    """Which file names one of the new ones, or may come upon it."""
    stems = {PurePosixPath(path).name.partition(".")[0]: path for path in added}
    words = {word: path for stem, path in stems.items() for word in _WORD.findall(stem)[-1:]}
    names = {word: re.compile(rf"\b{word}\b") for word in sorted(words)}
    suffixes = {suffix for path in added if (suffix := PurePosixPath(path).suffix) not in ("", ".py", ".pyi")}
    endings = {suffix: re.compile(re.escape(suffix) + r"\b") for suffix in sorted(suffixes)}
    for path in there:
        if not path.endswith(_CODE):
            continue
        try:
            text = folder.read_text(path)
        except (PathRefused, FileNotFoundError, UnicodeDecodeError, ValueError):
            return f"{path} cannot be read"
        found = _finding(text) if not path.endswith((".txt", ".json", ".yaml", ".yml", ".in")) else ""
        if found:
            return f"{path} may come upon new files ({found})"
        ending = _first_in(text, endings) if path.endswith(".py") else ""
        if ending:
            return f"{path} may make up the name of a file ({ending})"
        name = _first_in(text, names)
        if name:
            return f"{path} names {words[name]}"
    return ""


def _first_in(text: str, sought: Mapping[str, re.Pattern[str]]) -> str:
    """The first that occurs as its pattern says; most do not occur at all, which is seen much sooner."""
    return next((each for each, pattern in sought.items() if each in text and pattern.search(text)), "")


def _finding(text: str) -> str:
    """The word in code that finds files; it is looked for once in each text, since most are the same at the next landing."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    word = _remembered.get(digest)
    if word is None:
        found = _FINDS.search(text)
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        word = _remembered[digest] = found[0] if found else ""
    return word
