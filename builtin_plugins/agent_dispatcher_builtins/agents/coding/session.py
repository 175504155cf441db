"""One coding agent as a process in the sandbox, joined to the dispatcher by sockets: its standard input and output, and a model server if it may have one.

The sandbox has no network; what goes in and out is two Unix sockets in a folder of their own, which is gone with the session. Leaving the session ends
the sandbox, and with it everything the agent started.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from agent_dispatcher.agents.base_agent import AgentSandbox
from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits
from agent_dispatcher.forbidden_acts import interpreter_folders

from .options import CodingAgentOptions
from .proxy.http import MAX_HEAD_BYTES
from .socket_folder import socket_folder

__all__ = ["MAX_LINE_BYTES", "AgentProcess", "Place", "ServeModel", "started"]

#: A line of an agent's output; protocols put whole files into one.
MAX_LINE_BYTES = 32 * 1024**2
#: Until the launcher in the sandbox has called back.
_START_S = 30.0
#: For an agent that was told to end, until it is ended.
_GRACE_S = 3.0

#: Serves one connection of the model's socket.
ServeModel = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@frozen(kw_only=True)
class Place:
    """Where an agent is, by the names that hold in the sandbox.

    Attributes:
        folder: of the task.
        home: the agent's own.
        base_url: where a model server answers, ``""`` without one.
    """

    folder: str
    home: str
    base_url: str = ""

    def fill(self, text: str, **more: str) -> str:
        """``text`` with ``{folder}``, ``{home}``, ``{base_url}`` and ``more`` replaced; every other brace stays as it is."""
        for name, value in {"folder": self.folder, "home": self.home, "base_url": self.base_url, **more}.items():
            text = text.replace("{" + name + "}", value)
        return text


@define
class AgentProcess:
    """A coding agent at work.

    Attributes:
        place: where it is.
        reader: its standard output.
        writer: its standard input.
    """

    place: Place
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    _running: asyncio.Task[Completed] = field(repr=False)

    async def ended(self) -> Completed:
        """How it ended; waits for that."""
        return await asyncio.shield(self._running)

    async def leave(self) -> Completed | None:
        """Close its input, and give it a moment to end by itself; ``None`` when it does not."""
        with suppress(OSError):
            if self.writer.can_write_eof():
                self.writer.write_eof()
        done, _ = await asyncio.wait({self._running}, timeout=_GRACE_S)
        return self._running.result() if done else None


@asynccontextmanager
async def started(
    sandbox: AgentSandbox,
    options: CodingAgentOptions,
    *,
    timeout_s: float,
    model: ServeModel | None = None,
    more: Mapping[str, str] | None = None,
) -> AsyncIterator[AgentProcess]:
    """The agent that ``options`` name, for as long as the block lasts.

    Args:
        sandbox: the attempt's.
        timeout_s: after which the whole sandbox is ended.
        model: serves calls to a model; without it there is no model server in the sandbox.
        more: further words to be replaced in the command.

    Raises:
        SandboxUnavailable: nothing was run.
    """
    loop = asyncio.get_running_loop()
    called: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = loop.create_future()

    def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if called.done():
            writer.close()
        else:
            called.set_result((reader, writer))

    async with AsyncExitStack() as stack:
        sockets = stack.enter_context(socket_folder())
        stack.callback(_hang_up, called)
        names = [sockets / "session"]
        await stack.enter_async_context(_serving(names[0], take))
        if model is not None:
            names.append(sockets / "model")
            await stack.enter_async_context(_serving(names[1], model, MAX_HEAD_BYTES))
        running = asyncio.ensure_future(_run(sandbox, options, names, timeout_s))
        stack.push_async_callback(_end, running)
        first: set[asyncio.Future[Any]] = {running, called}
        await asyncio.wait(first, timeout=_START_S, return_when=asyncio.FIRST_COMPLETED)
        if not called.done():
            raise SandboxUnavailable(_did_not_call(running.result() if running.done() else None))
        reader, writer = called.result()
        said = json.loads(await reader.readline())
        base_url = f"http://127.0.0.1:{said['port']}" if said["port"] else ""
        place = Place(folder=said["folder"], home=said["home"], base_url=base_url)
        wanted = {
            "command": [place.fill(part, **(more or {})) for part in options.command],
            "env": {name: place.fill(text) for name, text in options.env.items()},
            "home": {name: place.fill(text) for name, text in options.home.items()},
            "memory_bytes": options.memory_bytes,
        }
        writer.write(json.dumps(wanted).encode() + b"\n")
        await writer.drain()
        yield AgentProcess(place, reader, writer, running)


async def _run(
    sandbox: AgentSandbox, options: CodingAgentOptions, sockets: Sequence[Path], timeout_s: float
) -> Completed:
    from sys import base_prefix, executable

    python = str(Path(executable).resolve()) if Path(base_prefix).is_relative_to("/usr") else executable
    text = files(__package__).joinpath("_inside.py").read_text(encoding="utf-8")
    return await sandbox.run(
        (python, "-I", "-S", "-c", text, *map(str, sockets)),
        Limits(timeout_s=timeout_s, memory_bytes=None, processes=options.processes),
        read_only=(*interpreter_folders(), *options.read_only),
        sockets=tuple(sockets),
    )


async def _end(running: asyncio.Task[Completed]) -> None:
    """End the sandbox; it is gone when this returns."""
    running.cancel()
    await asyncio.wait({running})
    if not running.cancelled():
        running.exception()


def _hang_up(called: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
    """Nobody who calls from now on is heard, and whoever did is let go."""
    if not called.done():
        called.cancel()
    elif not called.cancelled():
        called.result()[1].close()


@asynccontextmanager
async def _serving(
    path: Path,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None] | None],
    read_ahead: int = MAX_LINE_BYTES,
) -> AsyncIterator[None]:
    """Answer at a socket that only this user and the sandbox reach."""
    # begun below: a cancellation while it begins would leave its socket open
    server = await asyncio.start_unix_server(serve, path, limit=read_ahead, start_serving=False)
    try:
        path.chmod(0o600)
        await server.start_serving()
        yield
    finally:
        server.close()


def _did_not_call(ended: Completed | None) -> str:
    if ended is None:
        return f"the sandbox did not start the coding agent within {_START_S:.0f} s: nothing was run"
    said = ended.stderr.strip().splitlines()[-1:] or [f"exit code {ended.code}"]
    return (
        f"the coding agent could not be joined to the dispatcher from inside the sandbox ({said[0]}): nothing was run"
    )
