"""The forbidden acts: what a sandbox of tier ``isolated`` must refuse, tried from inside.

The same list is tried at the start of every run, before anything else is let in, and by the tests.
"""

from __future__ import annotations

import json
import platform
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits

from .seccomp import ARCHITECTURES, SYSCALLS

__all__ = ["forbidden_acts_that_worked", "interpreter_folders", "try_acts"]

#: Runs inside. Prints a JSON object: act -> what happened ("refused" is what we want of all but the ``can_`` ones).
_SCRIPT = r"""
import ctypes, json, os, resource, socket, sys
told = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
happened = {}

def act(name):
    def run(function):
        try:
            said = function()
        except BaseException as error:
            happened[name] = "refused"
            reasons[name] = repr(error)
            return
        happened[name] = "refused" if said is False else "worked"
    return run

reasons = {}

def call(name, *arguments):
    result = libc.syscall(ctypes.c_long(told["syscalls"][name]), *[ctypes.c_long(a) for a in arguments])
    return result >= 0

@act("connect to a port of the host")
def _():
    socket.create_connection(("127.0.0.1", told["port"]), 1).close()

@act("send to another machine (TCP)")
def _():
    socket.create_connection(("192.0.2.1", 80), 0.3).close()

@act("send to another machine (UDP)")
def _():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))

@act("connect to an abstract socket of the host")
def _():
    socket.socket(socket.AF_UNIX).connect("\0" + told["abstract"])

@act("open a packet socket")
def _():
    socket.socket(17, socket.SOCK_RAW)

@act("open a vsock socket")
def _():
    socket.socket(40, socket.SOCK_STREAM)

@act("open a netlink socket")
def _():
    socket.socket(16, socket.SOCK_RAW)

@act("write below /usr")
def _():
    open("/usr/ad-probe", "w")

@act("write below /etc")
def _():
    open("/etc/ad-probe", "w")

@act("write below /")
def _():
    open("/ad-probe", "w")

@act("read a file of the host that was not named")
def _():
    open(told["hidden"] + "/canary").read()

@act("write where nothing was named")
def _():
    open(told["hidden"] + "/written", "w")

@act("write into a read-only folder")
def _():
    open(told["read_only"] + "/written", "w")

@act("exchange the .git of the workspace")
def _():
    os.unlink(told["writable"] + "/.git")

@act("see a variable of the dispatcher")
def _():
    return bool(set(os.environ) - {"PATH", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "PWD"})

@act("see processes of the host")
def _():
    return sum(name.isdigit() for name in os.listdir("/proc")) > 4

@act("inherit open files of the dispatcher")
def _():
    return any(int(fd) > 2 and os.path.exists("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd"))

@act("be root")
def _():
    return os.getuid() == 0 or os.geteuid() == 0

@act("become root")
def _():
    os.setuid(0)

@act("hold a capability")
def _():
    lines = open("/proc/self/status").read().splitlines()
    return any(int(line.split()[1], 16) for line in lines if line.startswith(("CapPrm", "CapEff", "CapBnd", "CapAmb")))

@act("gain privileges by starting a program")
def _():
    return "NoNewPrivs:\t1" not in open("/proc/self/status").read()

@act("make any system call")
def _():
    return "Seccomp:\t2" not in open("/proc/self/status").read()

@act("make a user namespace")
def _():
    return call("unshare", 0x10000000)

@act("make a network namespace")
def _():
    return call("unshare", 0x40000000)

@act("mount something")
def _():
    return libc.mount(b"none", told["writable"].encode(), b"tmpfs", 0, None) == 0

@act("trace a process")
def _():
    return call("ptrace", 0, 0, 0, 0)

@act("set up io_uring")
def _():
    return call("io_uring_setup", 1, ctypes.addressof(ctypes.create_string_buffer(256)))

@act("load a BPF program")
def _():
    return call("bpf", 0, ctypes.addressof(ctypes.create_string_buffer(128)), 128)

@act("use the kernel's keyrings")
def _():
    return call("keyctl", 0, -3 & 0xFFFFFFFF, 0)

@act("use userfaultfd")
def _():
    return call("userfaultfd", 1)

@act("open a file by its handle")
def _():
    libc.syscall(ctypes.c_long(told["syscalls"]["open_by_handle_at"]), ctypes.c_long(-100), ctypes.c_long(0), ctypes.c_long(0))
    return ctypes.get_errno() != 1

@act("change the root folder")
def _():
    os.chroot("/tmp")

@act("open a disk or the memory of the machine")
def _():
    return any(os.path.exists("/dev/" + name) for name in ("mem", "kmsg", "sda", "vda", "nvme0", "kvm"))

@act("read the kernel's settings in /sys")
def _():
    return bool(os.listdir("/sys"))

@act("open the dispatcher's terminal")
def _():
    open("/dev/tty")

@act("have unlimited memory")
def _():
    return resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY

@act("can_write_workspace")
def _():
    open(told["writable"] + "/written", "w").write("x")

@act("can_write_tmp")
def _():
    open("/tmp/written", "w").write("x")

@act("can_read_named_folder")
def _():
    open(told["read_only"] + "/readable").read()

@act("can_use_loopback")
def _():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname(), 2).close()

json.dump({"happened": happened, "reasons": reasons}, sys.stdout)
"""

#: System calls the script makes by number.
_TRIED = ("unshare", "ptrace", "io_uring_setup", "bpf", "keyctl", "userfaultfd", "open_by_handle_at")

Launch = Callable[..., Awaitable[Completed]]


def interpreter_folders() -> tuple[Path, ...]:
    """Folders outside the system that this interpreter runs from: its environment and its base installation."""
    found: list[Path] = []
    for name in (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix):
        for path in (Path(name), Path(name).resolve()):
            if path not in found and not path.is_relative_to("/usr") and path != Path("/"):
                found.append(path)
    return tuple(found)


async def try_acts(launch: Launch) -> dict[str, bool]:
    """Try everything from inside a sandbox.

    Args:
        launch: as :meth:`agent_dispatcher.extension.Sandbox.run`.

    Returns:
        Act to whether it worked. Names that begin with ``can_`` are acts that must work.

    Raises:
        SandboxUnavailable: the attempt itself came to nothing.
    """
    column = list(ARCHITECTURES).index(platform.machine()) if platform.machine() in ARCHITECTURES else 0
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
        label = base.name
        abstract.bind("\0" + label)
        abstract.listen(1)
        told = {
            **{kind: str(folder) for kind, folder in folders.items()},
            "port": server.getsockname()[1],
            "abstract": label,
            "syscalls": {name: SYSCALLS[name][column] for name in _TRIED},
        }
        completed = await launch(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, json.dumps(told)],
            cwd=folders["writable"],
            writable=(folders["writable"],),
            read_only=(*interpreter_folders(), folders["read_only"]),
            limits=Limits(timeout_s=30.0),
        )
    try:
        happened = json.loads(completed.stdout)["happened"]
        return {act: said == "worked" for act, said in happened.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        said = (completed.stderr or completed.stdout).strip()[-300:]
        raise SandboxUnavailable(f"the sandbox could not be probed (code {completed.code}): {said}") from error


async def forbidden_acts_that_worked(launch: Launch) -> list[str]:
    """What is wrong with a sandbox, as phrases; empty when it isolates and is of use."""
    acts = await try_acts(launch)
    wrong = [f"code inside could {act}" for act, worked in acts.items() if worked and not act.startswith("can_")]
    wrong += [
        f"code inside could not {act.removeprefix('can_').replace('_', ' ')}"
        for act, worked in acts.items()
        if act.startswith("can_") and not worked
    ]
    if len(acts) < 30:
        wrong.append("not everything was tried")
    return wrong
