"""Runs inside the sandbox, before and beside a coding agent; needs nothing but a bare interpreter.

It says over the session's socket where it is, is told what to start, and then joins the agent's standard input and output to that socket.
Programs that want a model server at an HTTP address find one on loopback: whatever they send there goes to the dispatcher's proxy through its
socket. What the agent started ends with the sandbox.

Used as ``python -I -S -c <this text> SESSION_SOCKET [MODEL_SOCKET]``.
"""

import contextlib
import functools
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

_PIECE = 65536
#: Seconds for what is still on its way to an agent that has ended.
_LEFT_S = 1.0


def main() -> int:
    """Start the agent that the other end names; its exit code."""
    session = socket.socket(socket.AF_UNIX)
    session.connect(sys.argv[1])
    home = tempfile.mkdtemp(prefix="home-")
    try:
        port = _forward(sys.argv[2]) if len(sys.argv) > 2 else 0
        session.sendall(json.dumps({"folder": str(Path.cwd()), "home": home, "port": port}).encode() + b"\n")
        return _run(session, json.loads(_line(session)), home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run(session: socket.socket, wanted: dict[str, Any], home: str) -> int:
    for name, text in wanted["home"].items():
        path = Path(home, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    environment = {**os.environ, "HOME": home, **wanted["env"]}
    try:
        agent = subprocess.Popen(
            wanted["command"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=functools.partial(_limit, wanted["memory_bytes"]),
        )
    except OSError as error:
        sys.stderr.write(f"{wanted['command'][0]}: {error.strerror}\n")
        return 127 if isinstance(error, FileNotFoundError) else 126
    assert agent.stdin is not None and agent.stdout is not None
    feeding = threading.Thread(target=_feed, args=(session, agent.stdin), daemon=True)
    feeding.start()
    with contextlib.suppress(OSError):
        while piece := os.read(agent.stdout.fileno(), _PIECE):
            session.sendall(piece)
    code = agent.wait()
    with contextlib.suppress(OSError):
        os.killpg(agent.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        session.shutdown(socket.SHUT_WR)
    feeding.join(_LEFT_S)
    return code if code >= 0 else 128 - code


def _limit(memory_bytes: int | None) -> None:
    """For the agent and all that it starts, for good. Memory that is written counts: runtimes reserve addresses far beyond what they use."""
    if memory_bytes is not None:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]  # what this machine allows; nobody may ask for more
        most = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _feed(session: socket.socket, stdin: IO[bytes]) -> None:
    """What comes over the socket is the agent's input; its end is the input's end.

    What the agent does not read is taken off the socket all the same: one that is closed with something in it loses what the agent said, too.
    """
    reads = True
    with contextlib.suppress(OSError, ValueError):
        while piece := session.recv(_PIECE):
            try:
                if reads:
                    stdin.write(piece)
                    stdin.flush()
            except (OSError, ValueError):
                reads = False
    with contextlib.suppress(OSError):
        stdin.close()


def _forward(path: str) -> int:
    """Listen on loopback for programs that want a model; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, path), daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def _accept(listener: socket.socket, path: str) -> None:
    while True:
        client, _ = listener.accept()
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            continue
        for source, target in ((client, proxy), (proxy, client)):
            threading.Thread(target=_pass_on, args=(source, target), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _line(session: socket.socket) -> bytes:
    """The next line and not a byte more: what follows is the agent's."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = session.recv(1)
        if not byte:
            raise SystemExit("the dispatcher has gone")
        line += byte
    return bytes(line)


if __name__ == "__main__":
    sys.exit(main())
