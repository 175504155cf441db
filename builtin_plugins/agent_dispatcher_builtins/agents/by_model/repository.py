"""The parts of a repository that a task needs to know, best first, as many as fit; what was left out is listed.

A file that is to be changed comes whole, then what the task says it needs and what that imports, then tests of it, then what shares its words. What does not fit
whole is shown as an outline (signatures only), and what does not fit so is named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from agent_dispatcher.agents import AgentWorkspace
from agent_dispatcher.errors import PathRefused
from agent_dispatcher.extension.components import CodeTools, Language
from agent_dispatcher.models import Task

from ...prompting.asking import tokens

__all__ = ["LeftOut", "Part", "Shown", "look_around"]

_TEXT = re.compile(r"\.(?:py|pyi|js|mjs|cjs|ts|tsx|jsx|json|toml|cfg|ini|ya?ml|md|rst|txt|sql|html|css|sh|jinja)$")
_PASSED_OVER = re.compile(
    r"(?:^|/)(?:\.[^/]+|node_modules|dist|build|__pycache__)/|(?:^|/)(?:package-lock\.json|uv\.lock|poetry\.lock|\.[^/]+)$"
)
_MANIFESTS = frozenset(("pyproject.toml", "package.json", "setup.cfg"))
_HUMP = re.compile(r"([a-z])([A-Z])")
_WORD = re.compile(r"[a-z][a-z0-9]{2,}")
_COMMON = """
    all and any are can class def docs each false for from given has have import int must none not one python return returns self shall should src str test
    tests that the then this true when which with its
"""
_EVERYWHERE = frozenset(_COMMON.split())
_MOST_READ = 400
_LARGEST_BYTES = 200_000
_LEAST = 3.0
_MOST_WORDS = 8

PROMISED, NAMED, NEEDED, TESTS_IT, IMPORTED, MANIFEST = 100.0, 80.0, 70.0, 60.0, 50.0, 12.0


@frozen(kw_only=True)
class Part:
    """A file as it is shown.

    Attributes:
        whole: else it is an outline.
        why: what it was chosen for.
    """

    path: str
    text: str
    whole: bool
    why: str


@frozen(kw_only=True)
class LeftOut:
    """A file that would have been shown, had there been room."""

    path: str
    tokens: int


@frozen(kw_only=True)
class Shown:
    """What a model sees of a repository.

    Attributes:
        parts: best first.
        left_out: relevant files for which there was no room, best first.
        others: how many files had nothing to do with the task.
    """

    parts: tuple[Part, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    others: int = 0


def look_around(
    task: Task,
    workspace: AgentWorkspace,
    language: Language | None,
    *,
    said: str,
    needed: Iterable[str] = (),
    hidden: Callable[[str], bool] = lambda path: False,
    most_tokens: int,
) -> Shown:
    """Choose what to show for ``task``.

    Args:
        said: everything that is said about the task, for the words and paths in it.
        needed: paths and modules that the task is known to need.
        hidden: files that must not be shown.
        most_tokens: room for all parts together, estimated.
    """
    paths = [
        path for path in workspace.files() if _TEXT.search(path) and not _PASSED_OVER.search(path) and not hidden(path)
    ]
    texts = _read(workspace, paths, said)
    ranked = _ranked(task, texts, language, said, set(needed))
    parts: list[Part] = []
    left_out: list[LeftOut] = []
    room = most_tokens
    for path, _, why in ranked:
        text, whole = texts[path], True
        if tokens(text) > room:
            text, whole = (
                (language.outline(text), False)
                if isinstance(language, CodeTools) and language.is_source(path)
                else ("", False)
            )
        if not text or tokens(text) + 20 > room:
            left_out.append(LeftOut(path=path, tokens=tokens(texts[path])))
            continue
        parts.append(Part(path=path, text=text, whole=whole, why=why))
        room -= tokens(text) + 20
    return Shown(parts=tuple(parts), left_out=tuple(left_out), others=len(paths) - len(ranked))


def _read(workspace: AgentWorkspace, paths: Sequence[str], said: str) -> dict[str, str]:
    """The texts of the files, of too many those whose names share most with what is said."""
    words = _words(said)
    chosen = sorted(paths, key=lambda path: (path not in said, -len(_words(path) & words), path))[:_MOST_READ]
    texts = {}
    for path in sorted(chosen):
        try:
            data = workspace.read_bytes(path)
            if len(data) <= _LARGEST_BYTES:
                texts[path] = data.decode("utf-8")
        except (FileNotFoundError, PathRefused, UnicodeDecodeError):
            continue
    return texts


def _ranked(
    task: Task, texts: dict[str, str], language: Language | None, said: str, needed: set[str]
) -> list[tuple[str, float, str]]:
    """(path, rank, why) of each file that has to do with the task, best first."""
    promised = {ref.name for ref in task.produces if ref.type == "path"}
    symbols = {ref.name.partition(":")[0] for ref in task.produces if ref.type == "symbol"}
    tools = language if isinstance(language, CodeTools) else _NoTools()
    modules = {path: tools.module(path) for path in texts}
    own = symbols | {tools.module(path) for path in promised}
    imported = {path: tools.imports(text) if _is_code(path, language) else frozenset() for path, text in texts.items()}
    wanted_by_own = frozenset[str]().union(*(imported.get(path, frozenset()) for path in promised))
    words = _words(said)
    found = []
    for path, text in texts.items():
        module = modules[path]
        if path in promised:
            rank, why = PROMISED, "is to be written"
        elif path in said or (module and module in own):
            rank, why = NAMED, "is named"
        elif path in needed or (module and module in needed):
            rank, why = NEEDED, "is needed"
        elif language is not None and language.is_test(path) and imported[path] & (own - {""}):
            rank, why = TESTS_IT, "tests it"
        elif module and module in wanted_by_own:
            rank, why = IMPORTED, "is imported"
        elif path in _MANIFESTS:
            rank, why = MANIFEST, "is the manifest"
        else:
            shared = _words(path) & words
            rank, why = 4.0 * len(shared) + min(len(_words(text) & words), _MOST_WORDS), "shares words"
        if rank >= _LEAST:
            found.append((path, rank, why))
    return sorted(found, key=lambda each: (-each[1], each[0]))


def _is_code(path: str, language: Language | None) -> bool:
    return language is not None and language.is_source(path)


class _NoTools:
    """A language that tells nothing of its files."""

    def module(self, path: str) -> str:
        return ""

    def imports(self, text: str) -> frozenset[str]:
        return frozenset()


def _words(text: str) -> set[str]:
    """Words in lower case and without a plural's ending, parts of names apart."""
    found = _WORD.findall(_HUMP.sub(r"\1 \2", text).lower())
    return {word[:-1] if word.endswith("s") and len(word) > 3 else word for word in found} - _EVERYWHERE
