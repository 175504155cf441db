"""What the model may do before it answers: look for passages, read on, have a page fetched, ask a registry, call a tool of a server."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from agent_dispatcher.extension import Tool, ToolCall

from ....checks.kept_sources import INDEX, KeptSource, index_text, text_digest
from ....prompting.asking import tokens
from ....prompting.templates import as_data
from ..reading import Document
from .addresses import Unfetched, Where, may_fetch
from .fetching import fetch_page
from .library import Library, Passage, source_name
from .mcp_servers import McpServers
from .packages import address_of, facts_of

__all__ = ["OWN_TOOLS", "Kept", "Toolbox"]

_SHOWN_TOKENS = 2_000
_READ_LINES = 80
_MAX_KEPT_CHARACTERS = 200_000

_SEARCH = Tool(
    name="search",
    description="Find passages in everything that can be read, by words.",
    parameters={"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]},
)
_READ = Tool(
    name="read",
    description="Read a source from a line on.",
    parameters={
        "type": "object",
        "properties": {"source": {"type": "string"}, "line": {"type": "integer"}},
        "required": ["source"],
    },
)
_FETCH = Tool(
    name="fetch",
    description="Read a page of the web as text.",
    parameters={"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
)
#: Names that no tool of a server may bear.
OWN_TOOLS = ("search", "read", "fetch", "package")
#: What a registry says of a package with many releases is long.
_MAX_PACKAGE_BYTES = 16 * 1024**2


def _package_tool(registries: tuple[str, ...]) -> Tool:
    return Tool(
        name="package",
        description="Read what a registry says of a package: version, summary, licence, requirements, links.",
        parameters={
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "registry": {"type": "string", "enum": list(registries)},
            },
            "required": ["name", "registry"],
        },
    )


class Kept:
    """What came from outside and is kept beside the note, so that a claim can be looked up without a network.

    Args:
        folder: relative to the repository.
        scrub: takes keys out: what is kept lands in the repository, and a server may say the token that it was given.
    """

    def __init__(self, folder: str, scrub: Callable[[str], str] = str) -> None:
        self._folder = folder
        self._scrub = scrub
        self._texts: dict[str, str] = {}
        self._index: dict[str, KeptSource] = {}

    @property
    def files(self) -> Mapping[str, str]:
        """Path to text of all that is to be written: the texts, and what lists them."""
        if not self._texts:
            return {}
        return {**self._texts, f"{self._folder}/{INDEX}": index_text(self._index)}

    def keep(self, origin: str, text: str) -> Document:
        """The document as it will lie in the repository, without keys; its first line says where it comes from."""
        origin, text = self._scrub(origin), self._scrub(text)
        plain = re.sub(r"[^A-Za-z0-9.]+", "-", origin.partition("://")[2] or origin).strip("-.")[:60]
        stem = f"{plain or 'source'}-{sha256(origin.encode()).hexdigest()[:8]}"
        whole = f"From {origin}\n\n{text[:_MAX_KEPT_CHARACTERS]}".replace("\r\n", "\n").replace("\0", "")
        whole = whole.encode("utf-8", "replace").decode()
        number, name = 1, f"{stem}.txt"
        while self._texts.get(f"{self._folder}/{name}", whole + "\n") != whole + "\n":
            number, name = number + 1, f"{stem}-{number + 1}.txt"
        path = f"{self._folder}/{name}"
        self._texts[path] = whole + "\n"
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._index[name] = KeptSource(origin, now, text_digest(self._texts[path].encode()))
        return Document(path, tuple(whole.split("\n")))


class Toolbox:
    """Answers tool calls; whatever goes wrong is told to the model in words.

    Args:
        library: what can be read; grows.
        kept: where texts from outside go.
        where: from where pages may be fetched.
        registries: name to the address of a registry of packages, with ``{name}`` in it; asked where its host is one of those.
        servers: entered.
        shown: what the model has before its eyes already, and is not shown again when it searches.
    """

    def __init__(
        self,
        library: Library,
        kept: Kept,
        where: Where,
        servers: McpServers,
        shown: Sequence[Passage] = (),
        registries: Mapping[str, str] | None = None,
    ) -> None:
        self._library = library
        self._kept = kept
        self._where = where
        self._servers = servers
        self._shown = tuple(shown)
        self.read: list[Passage] = []
        self._registries = {
            name: address
            for name, address in (registries or {}).items()
            if not may_fetch(address.replace("{name}", "x"), where.hosts)
        }
        package = (_package_tool(tuple(self._registries)),) if self._registries else ()
        self.tools = (_SEARCH, _READ, *((_FETCH,) if where.hosts else ()), *package, *servers.tools)

    async def answer(self, call: ToolCall) -> str:
        """What the model is told."""
        try:
            arguments = json.loads(call.arguments or "{}")
            if not isinstance(arguments, dict):
                raise ValueError("the arguments of a tool are one JSON object")
            return await self._answer(call.name, arguments)
        except (ValueError, Unfetched) as error:
            return f"That did not work:\n{as_data(str(error), 'error')}"

    async def _answer(self, name: str, arguments: Mapping[str, Any]) -> str:
        if name == "search":
            words = str(arguments.get("words", ""))
            passages, _ = self._library.find(words, _SHOWN_TOKENS, (*self._shown, *self.read))
            return self._show(passages) if passages else "Nothing was found that you were not shown before."
        if name == "read":
            return self._show([self._passage(str(arguments.get("source", "")), arguments.get("line", 1))])
        if name == "fetch" and self._where.hosts:
            url = str(arguments.get("url", ""))
            return self._take_in(url, await fetch_page(url, self._where))
        if name == "package" and self._registries:
            return await self._package(str(arguments.get("registry", "")), str(arguments.get("name", "")))
        if self._servers.offers(name):
            origin = f"{name} {json.dumps(arguments, sort_keys=True)}"
            return self._take_in(origin, await self._servers.call(name, arguments))
        raise ValueError(f"there is no tool {name!r}; there are: {', '.join(tool.name for tool in self.tools)}")

    async def _package(self, registry: str, name: str) -> str:
        address = self._registries.get(registry) or (
            next(iter(self._registries.values())) if len(self._registries) == 1 else None
        )
        if address is None:
            raise ValueError(f"there is no registry {registry!r}; there are: {', '.join(self._registries)}")
        url = address_of(address, name)
        return self._take_in(url, facts_of(await fetch_page(url, self._where, most_bytes=_MAX_PACKAGE_BYTES)))

    def _passage(self, name: str, line: object) -> Passage:
        document = self._library.documents.get(name.strip("[] "))
        if document is None:
            raise ValueError(f"there is no source {name!r}")
        first = line if isinstance(line, int) and 1 <= line <= len(document.lines) else 1
        return Passage(document, first, min(first + _READ_LINES - 1, len(document.lines)))

    def _take_in(self, origin: str, text: str) -> str:
        document = self._kept.keep(origin, text)
        self._library.add(document)
        return self._show([Passage(document, 1, min(_READ_LINES, len(document.lines)))])

    def _show(self, passages: Sequence[Passage]) -> str:
        self.read += passages
        text = "\n\n".join(passage.to_text() for passage in passages)
        while tokens(text) > _SHOWN_TOKENS * 2:
            text = text[: len(text) // 2]
        return as_data(text, "source")

    def sources(self) -> tuple[str, ...]:
        """Names of everything that can be read, at most two hundred."""
        return tuple(map(source_name, self._library.documents.values()))[:200]
