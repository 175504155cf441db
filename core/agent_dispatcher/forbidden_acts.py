"""What code in a sandbox must not be able to do, tried from inside: the one list of it.

Sandboxes prove themselves with it before a run lets anything in (:func:`unkept`), the conformance suite for sandboxes tries the same, and the
documentation prints it (:func:`table`). An act is a few lines of Python that raise, or end in ``said = False``, when they are refused.
"""

from __future__ import annotations

import json
import platform
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from attrs import frozen

from .errors import SandboxUnavailable
from .extension.components import Completed, Limits

__all__ = ["FORBIDDEN", "TIERS", "USEFUL", "Act", "interpreter_folders", "table", "try_acts", "unkept"]

#: Tiers of sandboxes, strongest first; ``none`` promises nothing.
TIERS = ("isolated", "reduced", "none")
_BOTH = ("isolated", "reduced")
_ISOLATED = ("isolated",)


@frozen
class Act:
    """Something to try.

    Attributes:
        name: what it is, to go on "code inside could ...".
        body: Python; ``told`` holds the folders, ports and system call numbers of this attempt, ``call`` makes a system call by its name.
        tiers: which tiers must refuse it (or, for a useful act, must allow it).
    """

    name: str
    body: str
    tiers: tuple[str, ...]


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
        _ISOLATED,
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
    Act("exchange the .git of the workspace", r'os.unlink(told["writable"] + "/.git")', _ISOLATED),
    Act(
        "see a variable of the dispatcher",
        r'said = bool(set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD"})',
        _BOTH,
    ),
    Act("see processes of the host", r'said = sum(name.isdigit() for name in os.listdir("/proc")) > 4', _ISOLATED),
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
said = any(int(line.split()[1], 16) for line in lines if line.startswith(("CapPrm", "CapEff", "CapBnd", "CapAmb")))""",
        _BOTH,
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
        r'said = any(os.path.exists("/dev/" + name) for name in ("mem", "kmsg", "sda", "vda", "nvme0", "kvm"))',
        _BOTH,
    ),
    Act("read the kernel's settings in /sys", r'said = bool(os.listdir("/sys"))', _BOTH),
    Act("open the dispatcher's terminal", r'open("/dev/tty")', _BOTH),
    Act("have unlimited memory", r"said = resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY", _BOTH),
)

#: What must work: a sandbox in which nothing works is of no use.
USEFUL: tuple[Act, ...] = (
    Act("write the workspace", r'open(told["writable"] + "/written", "w").write("x")', _BOTH),
    Act("write to /tmp", r'open("/tmp/written", "w").write("x")', _BOTH),
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
for name, body in told["acts"].items():
    names = dict(globals(), said=True)
    try:
        exec(body, names)
        worked[name] = bool(names["said"])
    except BaseException:
        worked[name] = False
json.dump(worked, sys.stdout)
"""

#: As :meth:`agent_dispatcher.extension.components.Sandbox.run`.
Launch = Callable[..., Awaitable[Completed]]


def interpreter_folders() -> tuple[Path, ...]:
    """Folders outside the system that this interpreter runs from: its environment and its base installation."""
    found: list[Path] = []
    for name in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
        for path in (Path(name), Path(name).resolve()):
            if path not in found and not path.is_relative_to("/usr") and path != Path("/"):
                found.append(path)
    return tuple(found)


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
    ):
        base = Path(name).resolve()
        folders = {kind: base / kind for kind in ("writable", "read_only", "hidden")}
        for folder in folders.values():
            folder.mkdir()
        (folders["writable"] / ".git").write_text("gitdir: elsewhere\n")
        (folders["read_only"] / "readable").write_text("x")
        (folders["hidden"] / "canary").write_text("x")
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
        completed = await launch(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, json.dumps(told)],
            cwd=folders["writable"],
            writable=(folders["writable"],),
            read_only=(*interpreter_folders(), folders["read_only"]),
            limits=Limits(timeout_s=30.0),
        )
    try:
        worked = json.loads(completed.stdout)
        return {act.name: bool(worked[act.name]) for act in (*FORBIDDEN, *USEFUL)}
    except (ValueError, KeyError, TypeError) as error:
        said = (completed.stderr or completed.stdout).strip()[-300:]
        raise SandboxUnavailable(f"the sandbox could not be probed (code {completed.code}): {said}") from error


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
