"""What a repository says about its means: manifests, build files, imports and its readme, read once for all names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from attrs import field, frozen

from agent_dispatcher.agents import AgentWorkspace

from .imports import Imported, imported
from .installed import modules_of
from .manifests import Declared, declared, is_build_file, is_manifest, names_of
from .naming import key
from .reading import Document, read_files

__all__ = ["Repository"]

_T = TypeVar("_T")

_MAX_SOURCES = 2000
_PASSED_OVER = re.compile(r"(?:^|/)(?:node_modules|vendor|third_party|site-packages|\.[^/]*|dist|build|target)/")
_README = re.compile(r"^(?:docs/)?readme(?:\.\w+)?$", re.IGNORECASE)


@frozen
class Repository:
    """What was read.

    Attributes:
        declarations: dependencies in manifests, in the order of paths and lines.
        build_files: files that say how it is built in a form that is not parsed.
        imports: of Python files, in the order of paths and lines.
        readmes: what it says about itself.
        sources: how many Python files were read.
        manifests: how many manifests were read.
    """

    declarations: tuple[Declared, ...] = ()
    build_files: tuple[Document, ...] = ()
    imports: tuple[Imported, ...] = ()
    readmes: tuple[Document, ...] = ()
    sources: int = 0
    manifests: int = 0
    _declared_as: Mapping[str, Sequence[Declared]] = field(init=False)
    _imported_as: Mapping[str, Sequence[Imported]] = field(init=False)

    @_declared_as.default
    def _index_declarations(self) -> Mapping[str, Sequence[Declared]]:
        return _by_name((names_of(each), each) for each in self.declarations)

    @_imported_as.default
    def _index_imports(self) -> Mapping[str, Sequence[Imported]]:
        return _by_name((_names_of(each.name), each) for each in self.imports)

    @classmethod
    def read(cls, workspace: AgentWorkspace) -> Repository:
        """Read the files that matter; generated and foreign folders are passed over."""
        names = [name for name in workspace.files() if not _PASSED_OVER.search(name)]
        manifests = tuple(read_files(workspace.read_bytes, filter(is_manifest, names)))
        python = (name for name in names if name.endswith(".py"))
        sources = tuple(read_files(workspace.read_bytes, python, most=_MAX_SOURCES))
        return cls(
            tuple(each for document in manifests for each in declared(document)),
            tuple(read_files(workspace.read_bytes, filter(is_build_file, names))),
            tuple(
                each
                for document in sources
                for each in sorted(imported(document), key=lambda found: (found.line, found.name))
            ),
            tuple(read_files(workspace.read_bytes, filter(_README.match, names))),
            len(sources),
            len(manifests),
        )

    def declaring(self, name: str) -> Sequence[Declared]:
        """Declarations that a name means."""
        return self._declared_as.get(key(name), ())

    def importing(self, name: str) -> Sequence[Imported]:
        """Imports of a module of that name, or of one that the installed package of that name provides."""
        return self._imported_as.get(key(name), ())

    def uses(self, name: str) -> bool:
        """Whether a manifest declares it or a file imports it."""
        return bool(self.declaring(name) or self.importing(name))


def _by_name(named: Iterable[tuple[frozenset[str], _T]]) -> dict[str, list[_T]]:
    found: dict[str, list[_T]] = {}
    for names, each in named:
        for name in names:
            found.setdefault(name, []).append(each)
    return found


def _names_of(module: str) -> frozenset[str]:
    return frozenset(key(name) for name in (module, *modules_of(module)))
