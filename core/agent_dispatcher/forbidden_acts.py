"""What code in a sandbox must not be able to do, tried from inside: the one list of it.

Sandboxes prove themselves with it before a run lets anything in (:func:`unkept`), the conformance suite for sandboxes tries the same, and the
documentation prints it (:func:`table`). An act is a few lines of Python that raise, or end in ``said = False``, when they are refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import platform
import socket
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

from attrs import frozen

from .errors import SandboxUnavailable
from .extension.components import Completed, Limits

__all__ = ["FORBIDDEN", "TIERS", "USEFUL", "Act", "interpreter_folders", "table", "try_acts", "unkept"]

#: Tiers of sandboxes, strongest first; ``none`` promises nothing.
TIERS = ("isolated", "reduced", "none")
_BOTH = ("isolated", "reduced")
_ISOLATED = ("isolated",)
_POINTER = "gitdir: elsewhere\n"


@frozen
class Seen:
    """What is looked at from outside when the sandbox has ended: its folders, and a process it must have left alone."""

    writable: Path
    read_only: Path
    hidden: Path
    process: asyncio.subprocess.Process


@frozen
class Act:
    """Something to try.

    Attributes:
        name: what it is, to go on "code inside could ...".
        body: Python; ``told`` holds the folders, ports and system call numbers of this attempt, ``call`` makes a system call by its name.
        tiers: which tiers must refuse it (or, for a useful act, must allow it).
        happened: looks from outside whether it worked, where what code inside was told does not count; ``None`` to believe that.
    """

    name: str
    body: str
    tiers: tuple[str, ...]
    happened: Callable[[Seen], bool] | None = None


#: What must be refused.
FORBIDDEN: tuple[Act, ...] = (
    Act("connect to a port of the host", r'socket.create_connection(("127.0.0.1", told["port"]), 1).close()', _BOTH),
    Act("send to another machine (TCP)", r'socket.create_connection(("192.0.2.1", 80), 0.3).close()', _BOTH),
    Act(
        "send to another machine (UDP)",
        r'socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))',
        _BOTH,
    ),
    Act(
        "connect to an abstract socket of the host",
        r'socket.socket(socket.AF_UNIX).connect("\0" + told["abstract"])',
        _BOTH,
    ),
    Act(
        "connect to a Unix socket of the host",
        r'socket.socket(socket.AF_UNIX).connect(told["hidden"] + "/socket")',
        _BOTH,
    ),
    Act(
        "send to a Unix socket of the host from one of a pair",
        r"""pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
pair[0].sendto(b"x", told["hidden"] + "/datagrams")""",
        _BOTH,
    ),
    Act("open a packet socket", r"socket.socket(17, socket.SOCK_RAW)", _BOTH),
    Act("open a vsock socket", r"socket.socket(40, socket.SOCK_STREAM)", _BOTH),
    Act("open a netlink socket", r"socket.socket(16, socket.SOCK_RAW)", _BOTH),
    Act("write below /usr", r'open("/usr/ad-probe", "w"); os.unlink("/usr/ad-probe")', _BOTH),
    Act("write below /etc", r'open("/etc/ad-probe", "w"); os.unlink("/etc/ad-probe")', _BOTH),
    Act("write below /", r'open("/ad-probe", "w"); os.unlink("/ad-probe")', _BOTH),
    Act("read a file of the host that was not named", r'open(told["hidden"] + "/canary").read()', _BOTH),
    Act("write where nothing was named", r'open(told["hidden"] + "/written", "w")', _BOTH),
    Act("write into a read-only folder", r'open(told["read_only"] + "/written", "w")', _BOTH),
    Act("see whether a file of the host is there", r'os.stat(told["hidden"] + "/canary")', _ISOLATED),
    Act(
        "change the mode of a file of the host",
        r'os.chmod(told["hidden"] + "/canary", 0o604)',
        _BOTH,
        lambda seen: stat.S_IMODE((seen.hidden / "canary").stat().st_mode) == 0o604,
    ),
    Act(
        "change the mode of a file it may only read",
        r"""with open(told["read_only"] + "/readable") as file:
    os.fchmod(file.fileno(), 0o604)""",
        _BOTH,
        lambda seen: stat.S_IMODE((seen.read_only / "readable").stat().st_mode) == 0o604,
    ),
    Act(
        "leave the .git of the workspace exchanged",
        r"""os.unlink(told["writable"] + "/.git")
open(told["writable"] + "/.git", "w").write("gitdir: forged\n")""",
        _BOTH,
        lambda seen: (seen.writable / ".git").is_symlink() or (seen.writable / ".git").read_text() != _POINTER,
    ),
    Act(
        "see a variable of the dispatcher",
        r'said = bool(set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD"})',
        _BOTH,
    ),
    Act("see processes of the host", r'said = sum(name.isdigit() for name in os.listdir("/proc")) > 4', _BOTH),
    Act(
        "change the limits of a process of the host",
        r'resource.prlimit(told["process"], resource.RLIMIT_CORE, (0, 0))',
        _BOTH,
    ),
    Act(
        "signal a process of the host",
        # numbers as small as this are those of other processes in a sandbox that has its own
        r'os.kill(told["process"], 9) if told["process"] > 16 else None',
        _BOTH,
        lambda seen: seen.process.returncode is not None,
    ),
    Act(
        "inherit open files of the dispatcher",
        r'said = any(int(fd) > 2 and os.path.exists("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd"))',
        _BOTH,
    ),
    Act("be root", r"said = os.getuid() == 0 or os.geteuid() == 0", _ISOLATED),
    Act("become root", r"os.setuid(0)", _ISOLATED),
    Act(
        "hold a capability",
        r"""lines = open("/proc/self/status").read().splitlines()
said = any(int(line.split()[1], 16) for line in lines if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb")))""",
        _BOTH,
    ),
    Act(
        "have a capability within its bounds",
        r"""lines = open("/proc/self/status").read().splitlines()
said = any(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd"))""",
        _ISOLATED,
    ),
    Act(
        "gain privileges by starting a program",
        r'said = "NoNewPrivs:\t1" not in open("/proc/self/status").read()',
        _BOTH,
    ),
    Act("make any system call", r'said = "Seccomp:\t2" not in open("/proc/self/status").read()', _BOTH),
    Act("make a user namespace", r'said = call("unshare", 0x10000000)', _BOTH),
    Act("make a network namespace", r'said = call("unshare", 0x40000000)', _BOTH),
    Act("mount something", r'said = libc.mount(b"none", told["writable"].encode(), b"tmpfs", 0, None) == 0', _BOTH),
    Act("trace a process", r'said = call("ptrace", 0, 0, 0, 0)', _BOTH),
    Act(
        "set up io_uring",
        r'parameters = ctypes.create_string_buffer(256); said = call("io_uring_setup", 1, ctypes.addressof(parameters))',
        _BOTH,
    ),
    Act(
        "load a BPF program",
        r'attributes = ctypes.create_string_buffer(128); said = call("bpf", 0, ctypes.addressof(attributes), 128)',
        _BOTH,
    ),
    Act("use the kernel's keyrings", r'said = call("keyctl", 0, -3 & 0xFFFFFFFF, 0)', _BOTH),
    Act("use userfaultfd", r'said = call("userfaultfd", 1)', _BOTH),
    Act(
        "open a file by its handle",
        r"""libc.syscall(ctypes.c_long(told["syscalls"]["open_by_handle_at"]), ctypes.c_long(-100), ctypes.c_long(0), ctypes.c_long(0))
said = ctypes.get_errno() != 1""",
        _BOTH,
    ),
    Act("change the root folder", r'os.chroot("/tmp")', _BOTH),
    Act(
        "open a disk or the memory of the machine",
        r"""for name in ("mem", "kmsg", "sda", "vda", "nvme0", "kvm"):
    try:
        os.close(os.open("/dev/" + name, os.O_RDONLY))
        break
    except OSError:
        said = False
else:
    said = False""",
        _BOTH,
    ),
    Act("read the kernel's settings in /sys", r'said = bool(os.listdir("/sys"))', _BOTH),
    Act("open the dispatcher's terminal", r'open("/dev/tty")', _BOTH),
    Act("have unlimited memory", r"said = resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY", _BOTH),
)

#: What must work: a sandbox in which nothing works is of no use.
USEFUL: tuple[Act, ...] = (
    Act("write the workspace", r'open(told["writable"] + "/written", "w").write("x")', _BOTH),
    Act("write to a temporary folder", r'open(os.environ["TMPDIR"] + "/written", "w").write("x")', _BOTH),
    Act("write to /tmp", r'open("/tmp/ad-probe", "w").write("x")', _ISOLATED),
    Act("read a folder that was named", r'open(told["read_only"] + "/readable").read()', _BOTH),
    Act(
        "use the loopback interface",
        r"""server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 2).close()""",
        _ISOLATED,
    ),
)

#: Numbers of the system calls that acts make on (x86_64, aarch64).
_SYSCALLS = {
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
}

#: Runs inside: prints a JSON object, act -> whether it worked.
_SCRIPT = r"""
import ctypes, json, os, resource, socket, sys
told = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)

def call(name, *arguments):
    return libc.syscall(ctypes.c_long(told["syscalls"][name]), *[ctypes.c_long(a) for a in arguments]) >= 0

worked = {}
given = dict(globals())
for name, body in told["acts"].items():
    names = dict(given, said=True)
    try:
        exec(body, names)
        worked[name] = bool(names["said"])
    except BaseException:
        worked[name] = False
json.dump(worked, sys.stdout)
"""

#: As :meth:`agent_dispatcher.extension.components.Sandbox.run`.
Launch = Callable[..., Awaitable[Completed]]


#: What an interpreter needs of its prefix. Not the whole prefix: a virtual environment may hold temporary folders or a checkout.
_PREFIX_PARTS = ("bin", "lib", "lib64", "pyvenv.cfg")


def interpreter_folders() -> tuple[Path, ...]:
    """What this interpreter runs from outside the system's own folders: the parts of its environment and of its base installation."""
    found: list[Path] = []
    for name in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
        for prefix in (Path(name), Path(name).resolve()):
            if prefix == Path("/") or prefix.is_relative_to("/usr"):
                continue
            found.extend(prefix / part for part in _PREFIX_PARTS if (prefix / part).exists())
    return tuple(dict.fromkeys(found))


async def try_acts(launch: Launch) -> Mapping[str, bool]:
    """Try every act from inside a sandbox.

    Args:
        launch: runs a command in it.

    Returns:
        Name of each act to whether it worked.

    Raises:
        SandboxUnavailable: the attempt itself came to nothing.
    """
    column = 1 if platform.machine() == "aarch64" else 0
    with (
        tempfile.TemporaryDirectory(prefix="agent-dispatcher-probe-") as name,
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as listening,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        base = Path(name).resolve()
        folders = {kind: base / kind for kind in ("writable", "read_only", "hidden")}
        for folder in folders.values():
            folder.mkdir()
        (folders["writable"] / ".git").write_text(_POINTER)
        (folders["read_only"] / "readable").write_text("x")
        (folders["hidden"] / "canary").write_text("x")
        listening.bind(str(folders["hidden"] / "socket"))
        listening.listen(1)
        datagrams.bind(str(folders["hidden"] / "datagrams"))
        told = {
            **{kind: str(folder) for kind, folder in folders.items()},
            "port": server.getsockname()[1],
            "syscalls": {call: numbers[column] for call, numbers in _SYSCALLS.items()},
            "acts": {act.name: act.body for act in (*FORBIDDEN, *USEFUL)},
        }
        if sys.platform == "linux":
            abstract.bind("\0" + base.name)
            abstract.listen(1)
            told["abstract"] = base.name
        async with _process() as process:
            seen = Seen(**folders, process=process)
            completed = await launch(
                [sys.executable, "-I", "-S", "-c", _SCRIPT, json.dumps({**told, "process": process.pid})],
                cwd=folders["writable"],
                writable=(folders["writable"],),
                read_only=(*interpreter_folders(), folders["read_only"]),
                limits=Limits(timeout_s=30.0),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.01)
            try:
                worked = json.loads(completed.stdout)
                return {act.name: _happened(act, worked, seen) for act in (*FORBIDDEN, *USEFUL)}
            except (ValueError, KeyError, TypeError) as error:
                said = (completed.stderr or completed.stdout).strip()[-300:]
                raise SandboxUnavailable(f"the sandbox could not be probed (code {completed.code}): {said}") from error


def _happened(act: Act, worked: Mapping[str, object], seen: Seen) -> bool:
    said = bool(worked[act.name])
    try:
        return said if act.happened is None else act.happened(seen)
    except OSError:
        return True  # what was there to be looked at has gone


@contextlib.asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    """A process of the host that does nothing for a while."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", "import time; time.sleep(60)"), stdin=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def unkept(launch: Launch, tier: str) -> list[str]:
    """Which promises of ``tier`` a sandbox does not keep, as phrases; empty when it isolates and is of use."""
    worked = await try_acts(launch)
    wrong = [f"code inside could {act.name}" for act in FORBIDDEN if tier in act.tiers and worked[act.name]]
    wrong += [f"code inside could not {act.name}" for act in USEFUL if tier in act.tiers and not worked[act.name]]
    return wrong


def table() -> str:
    """The list as a Markdown table: what each tier refuses, then what each allows."""
    lines = ["| Code inside tries to | isolated | reduced | none |", "|---|---|---|---|"]
    for acts, word in ((FORBIDDEN, "refused"), (USEFUL, "works")):
        lines += [
            f"| {act.name} | {' | '.join(word if tier in act.tiers else '-' for tier in TIERS)} |" for act in acts
        ]
    return "\n".join(lines) + "\n"
