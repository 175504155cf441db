"""What tasks name in their text: files, symbols, routes and tables, and which of them a task says it makes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from agent_dispatcher.models import ArtifactRef, Task

from .wording import READ_CHARS

__all__ = ["Named", "named"]

_MAKES = re.compile(
    r"\b(?:creat(?:e|es|ing)|implement(?:s|ing)?|defin(?:e|es|ing)|add(?:s|ing)?|build(?:s|ing)?|writ(?:e|es|ing)|design(?:s|ing)?|introduc(?:e|es|ing)"
    r"|set(?:s|ting)? up|generat(?:e|es|ing)|scaffold(?:s|ing)?|develop(?:s|ing)?|extract(?:s|ing)?)\b[^.\n;`]{0,40}$",
    re.IGNORECASE,
)
#: A line break within a sentence, not one before the next point of a list.
_WRAPPED = re.compile(r"\n(?![ \t]*(?:[-*#+\n]|\d+[.)]))")
#: How far before a name the verb may stand.
_REACH = 60

_EXTENSIONS = r"py|tsx?|jsx?|mjs|go|rs|java|kt|cs|rb|php|json|ya?ml|toml|sql|md|sh|css|scss|html|vue|svelte|dart|swift|c|h|cpp|hpp|prisma|proto|graphql|tf|gradle|xml"
_PATH = rf"(?:\.{{0,2}}/)?(?:[\w@.*-]+/)+[\w.*-]+\.(?:{_EXTENSIONS})|[\w*-][\w.*-]*\.(?:{_EXTENSIONS})"
_THING = re.compile(
    rf"(?P<route>\b(?:GET|POST|PUT|PATCH|DELETE)\s+/[\w/{{}}:.-]*|(?<![\w./])/api/[\w/{{}}:.-]+)"
    rf"|(?P<path>(?<![\w/.:@])(?:{_PATH})(?![\w/]))"
    r"|(?P<table>(?<=table )`?[a-z]\w+`?|`[a-z]\w+`(?= table\b)|\b[a-z]+_[a-z_]+(?= table\b))"
    r"|`(?P<code>[A-Za-z_][\w.:]{2,60})(?:\([^`]*\))?`"
    r"|\b(?P<symbol>[A-Z][a-z0-9]+(?:[A-Z][A-Za-z0-9]*)+|[a-z]+(?:_[a-z0-9]+)+)\b"
)
_KINDS = {"route": "route", "path": "path", "table": "table", "code": "symbol", "symbol": "symbol"}


@frozen
class Named:
    """Something that a task names.

    Attributes:
        thing: what it is; names of symbols, routes and tables in lower case.
        made: whether the task says that it makes it, or is called after it.
        exact: whether it is written as code or is a path, a route or a table, and not only a word that looks like a name.
        phrase: the words in which it is named.
    """

    thing: ArtifactRef
    made: bool
    exact: bool
    phrase: str


def named(task: Task) -> Iterator[Named]:
    """All that a task names, in order; what it names again is given again."""
    for text, title in ((task.title, True), (task.description[:READ_CHARS], False)):
        for found in _THING.finditer(text):
            kind = found.lastgroup or "symbol"
            name = found.group(kind).strip("`").removeprefix("./")
            if kind == "route":
                name = " ".join(name.split())
            ahead = _WRAPPED.sub(" ", text[max(0, found.start() - _REACH) : found.start()]).removesuffix("`")
            verb = _MAKES.search(ahead)
            yield Named(
                ArtifactRef(type=_KINDS[kind], name=name if kind == "path" else name.lower()),
                made=title or verb is not None,
                exact=kind != "symbol",
                phrase=" ".join(f"{ahead[verb.start() :] if verb else ''}{name}".split()),
            )
