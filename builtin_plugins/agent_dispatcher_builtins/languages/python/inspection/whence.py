"""Where does a name of a file come from? Told by its imports, with the last part of the module, without looking at any other file."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from attrs import field, frozen

__all__ = ["Imports", "imports_of"]


@frozen
class Imports:
    """What the imports of a file bind.

    Attributes:
        modules: name in the file to the whole module that it stands for (``a.b`` after ``import a.b as c``; of ``import a.b`` that is ``a``).
        things: name in the file to (module, name there), after ``from module import name``; a thing may as well be a module.
        stars: modules of which everything is taken.
    """

    modules: dict[str, str] = field(factory=dict)
    things: dict[str, tuple[str, str]] = field(factory=dict)
    stars: list[str] = field(factory=list)

    def sources(self, node: ast.expr) -> Iterator[str]:
        """``order.Order`` for whatever may be the class ``Order`` of a module whose last part is ``order``; nothing for what the file makes itself.

        Of what a package takes from itself (``from . import Order``) the first part is empty.
        """
        if isinstance(node, ast.Attribute):
            holder = node.value
            if isinstance(holder, ast.Name) and holder.id in self.modules:
                yield f"{_last(self.modules[holder.id])}.{node.attr}"
            elif isinstance(holder, ast.Name) and holder.id in self.things:
                yield f"{self.things[holder.id][1]}.{node.attr}"
            elif isinstance(holder, ast.Attribute):
                yield f"{holder.attr}.{node.attr}"
        elif isinstance(node, ast.Name) and node.id in self.things:
            module, name = self.things[node.id]
            yield f"{_last(module)}.{name}"
        elif isinstance(node, ast.Name) and node.id not in self.modules:
            yield from (f"{_last(module)}.{node.id}" for module in self.stars)


def imports_of(tree: ast.Module) -> Imports:
    """Those of a whole file, wherever they stand."""
    found = Imports()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.modules[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    found.stars.append(node.module or "")
                else:
                    found.things[alias.asname or alias.name] = (node.module or "", alias.name)
    return found


def _last(module: str) -> str:
    return module.rpartition(".")[2]
