"""The sandbox ``reduced``: what the kernel refuses without namespaces, that nothing is left, and that nothing runs where it does not hold."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits
from agent_dispatcher.forbidden_acts import FORBIDDEN, USEFUL, interpreter_folders, table, try_acts
from agent_dispatcher_builtins.sandboxes import _confinement
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap
from agent_dispatcher_builtins.sandboxes.reduced import Reduced

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def reduced() -> Reduced:
    """A sandbox that has proved itself; skipped on kernels that lack what it needs."""
    sandbox = Reduced()
    try:
        asyncio.run(sandbox.probe())
    except SandboxUnavailable as error:
        if "does not hold" in str(error):
            pytest.fail(str(error))
        pytest.skip(str(error))
    return sandbox


def _run(sandbox: Reduced, argv: Sequence[str], folder: Path, **options: Any) -> Completed:
    options.setdefault("writable", (folder,))
    return asyncio.run(sandbox.run(argv, cwd=folder, **options))


def _python(sandbox: Reduced, script: str, folder: Path, **options: Any) -> Completed:
    folders = (*interpreter_folders(), *options.pop("read_only", ()))
    return _run(sandbox, [sys.executable, "-I", "-S", "-c", script], folder, read_only=folders, **options)


def _survivors(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if f"sleep\0{marker}".encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _gone(marker: str, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while _survivors(marker) and time.monotonic() < end:
        time.sleep(0.02)
    return not _survivors(marker)


# --- what is refused ------------------------------------------------------------------------------------------------


def _as_promised(tier: str, worked: Any) -> tuple[list[str], list[str]]:
    possible = [act.name for act in FORBIDDEN if tier in act.tiers and worked[act.name]]
    impossible = [act.name for act in USEFUL if tier in act.tiers and not worked[act.name]]
    return possible, impossible


def test_each_tier_refuses_what_the_page_says(reduced: Reduced, isolated: Bubblewrap) -> None:
    """The table of the documentation is the list that is tried, and every act of it is really tried in both tiers."""
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert table() in page
    for sandbox in (reduced, isolated):
        worked = asyncio.run(try_acts(sandbox.run))
        assert set(worked) == {act.name for act in (*FORBIDDEN, *USEFUL)}
        assert _as_promised(sandbox.tier, worked) == ([], [])


def test_what_the_page_says_is_weaker_is_weaker(reduced: Reduced) -> None:
    """An act that only the tier isolated must refuse is one that really works here, unless it depends on who started us."""
    worked = asyncio.run(try_acts(reduced.run))
    depends = {"be root", "become root", "have a capability within its bounds"}
    weaker = {act.name for act in FORBIDDEN if "reduced" not in act.tiers} - depends
    assert {name for name in weaker if worked[name]} == weaker
    assert worked["be root"] == (os.getuid() == 0)


@pytest.mark.parametrize("abi", [4, 5, 6])
def test_older_kernels_are_no_weaker(reduced: Reduced, abi: int) -> None:
    """Where Landlock does not know signals and abstract sockets yet (Linux 6.7 to 6.11), the filter of system calls refuses them."""
    if _confinement.landlock_abi() < abi:
        pytest.skip(f"this kernel has no Landlock of version {abi}")
    sandbox = Reduced(abi=abi)
    worked = asyncio.run(try_acts(sandbox.run))
    assert _as_promised("reduced", worked) == ([], [])


def test_signals_stay_inside(reduced: Reduced, tmp_path: Path) -> None:
    """A command may end its own processes, and not even all it can reach means ours."""
    script = "sleep 60 & kill $! && wait $!; echo own $?; kill -9 -1; echo reached"
    done = _run(reduced, ["sh", "-c", script], tmp_path)
    assert done.stdout == "own 143\nreached\n" and done.code == 0
    done = _run(Reduced(abi=4), ["sh", "-c", "sleep 60 & kill $!"], tmp_path)
    assert "not permitted" in done.stderr.lower()


def test_only_named_folders_are_open(reduced: Reduced, tmp_path: Path) -> None:
    """Read-only folders can be read, writable ones written, nothing else; links and renames lead nowhere else."""
    for name in ("work", "read", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "work" / "link").symlink_to(tmp_path / "hidden" / "file")
    script = f"""cat file; echo; cat {tmp_path}/read/file; echo; cat link; ls {tmp_path}; touch new
touch {tmp_path}/read/new; mv {tmp_path}/read/file moved; ln {tmp_path}/read/file linked; ln {tmp_path}/hidden/file other
truncate -s 0 {tmp_path}/read/file; mv file {tmp_path}/read/; mkdir {tmp_path}/made; rm {tmp_path}/hidden/file"""
    done = _run(reduced, ["sh", "-c", script], tmp_path / "work", read_only=(tmp_path / "read",))
    assert done.stdout.split() == ["work", "read"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["file", "link", "new"]
    assert (tmp_path / "read" / "file").read_text() == "read"
    assert (tmp_path / "hidden" / "file").read_text() == "hidden"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["hidden", "read", "work"]


def test_a_folder_that_is_not_named_writable_is_read_only(reduced: Reduced, tmp_path: Path) -> None:
    """The folder a command runs in is only readable unless it is named writable."""
    done = _run(reduced, ["touch", "new"], tmp_path, writable=())
    assert done.code != 0 and not (tmp_path / "new").exists()


def test_a_program_that_gives_rights_gives_none(reduced: Reduced, tmp_path: Path) -> None:
    """Programs with the set-uid bit start without it, and no capability is left to use."""
    done = _run(reduced, ["grep", "-E", "NoNewPrivs|CapEff|CapPrm|CapAmb", "/proc/self/status"], tmp_path)
    # the command is the process whose /proc is open to it
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        "CapPrm:": "0" * 16,
        "CapEff:": "0" * 16,
        "CapAmb:": "0" * 16,
        "NoNewPrivs:": "1",
    }


def test_modes_and_times_are_not_changed(reduced: Reduced, tmp_path: Path) -> None:
    """Changes of mode and time are answered with success and not done, owners are refused; modes of new files are as asked."""
    file = tmp_path / "file"
    file.write_text("x")
    before = file.stat()
    script = """import os, pathlib, shutil
pathlib.Path("touched").touch(); shutil.copy2("file", "copied"); shutil.copytree("/usr/share/doc/bash", "tree")
os.chmod("file", 0o700); os.utime("file", (1, 1)); os.mkdir("private", 0o700)
for change in (lambda: os.chown("file", 1, 1), lambda: os.setxattr("file", "user.x", b"1")):
    try:
        change(); print("changed")
    except PermissionError:
        print("refused")"""
    done = _python(reduced, script, tmp_path)
    assert done.stdout.split() == ["refused", "refused"], done.stderr
    after = file.stat()
    assert (after.st_mode, after.st_mtime, after.st_uid) == (before.st_mode, before.st_mtime, before.st_uid)
    assert (
        (tmp_path / "touched").is_file() and (tmp_path / "copied").read_text() == "x" and (tmp_path / "tree").is_dir()
    )
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o700


def test_other_processes_of_the_user_are_left_alone(reduced: Reduced, tmp_path: Path) -> None:
    """Neither priority nor processors nor limits of a process outside can be changed; its own can."""
    with subprocess.Popen(["sleep", "60"]) as other:
        script = f"""import os, resource
for change in (lambda: os.setpriority(os.PRIO_PROCESS, {other.pid}, 5), lambda: os.sched_setaffinity({other.pid}, {{0}}),
               lambda: resource.prlimit({other.pid}, resource.RLIMIT_CPU, (1, 1)), lambda: os.setpriority(os.PRIO_USER, 0, 5),
               lambda: os.kill({other.pid}, 9)):
    try:
        change(); print("changed")
    except PermissionError:
        print("refused")
os.setpriority(os.PRIO_PROCESS, 0, 5); resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); print("own")"""
        done = _python(reduced, script, tmp_path)
        alive = other.poll() is None
        other.kill()
    assert done.stdout.split() == ["refused"] * 5 + ["own"], done.stderr
    assert alive


def test_a_socket_cannot_be_given(reduced: Reduced, tmp_path: Path) -> None:
    """Since one socket cannot be told from another, being asked for one is an error and nothing runs."""
    with pytest.raises(SandboxUnavailable, match="use bubblewrap"):
        _run(reduced, ["touch", "ran"], tmp_path, sockets=(tmp_path / "s",))
    assert not (tmp_path / "ran").exists()


def test_pairs_of_sockets_work_and_lead_nowhere(reduced: Reduced, tmp_path: Path) -> None:
    """asyncio and subprocesses need them; they cannot be connected to anything else."""
    script = """import asyncio, socket
async def work():
    process = await asyncio.create_subprocess_exec("echo", "hello", stdout=asyncio.subprocess.PIPE)
    return (await process.communicate())[0].decode().strip()
print(asyncio.run(work()))
one, two = socket.socketpair(); one.send(b"x"); print(two.recv(1).decode())
for kind in (socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    try:
        socket.socketpair(socket.AF_UNIX, kind); print("made")
    except PermissionError:
        print("refused")"""
    done = _python(reduced, script, tmp_path)
    assert done.stdout.split() == ["hello", "x", "refused", "refused"], done.stderr


# --- worktrees ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ["rm .git", "echo forged > .git", "rm .git; mkdir -p .git/hooks", "ln -sf /x .git"])
@pytest.mark.parametrize("end", ["exit 0", "sleep 60"])
def test_the_git_file_of_a_worktree_is_put_back(reduced: Reduced, tmp_path: Path, attack: str, end: str) -> None:
    """However the command ends, ``.git`` is afterwards what it was (W6)."""
    git = tmp_path / ".git"
    git.write_text("gitdir: here\n")
    limits = Limits(timeout_s=0.7 if end.startswith("sleep") else 20)
    _run(reduced, ["sh", "-c", f"{attack}; touch done; {end}"], tmp_path, limits=limits)
    assert (tmp_path / "done").exists()
    assert not git.is_symlink() and git.read_text() == "gitdir: here\n"


def test_a_repository_is_not_made_writable(reduced: Reduced, tmp_path: Path) -> None:
    """A folder ``.git`` could not be put back, so the command is refused."""
    (tmp_path / ".git").mkdir()
    with pytest.raises(SandboxUnavailable, match=r"\.git from being changed"):
        _run(reduced, ["touch", "ran"], tmp_path)
    assert not (tmp_path / "ran").exists()


def test_read_only_inside_of_writable_is_refused(reduced: Reduced, tmp_path: Path) -> None:
    """Landlock cannot take rights away further down: an error, not a promise that does not hold."""
    (tmp_path / "inner").mkdir()
    with pytest.raises(SandboxUnavailable, match="read-only inside of"):
        _run(reduced, ["true"], tmp_path, read_only=(tmp_path / "inner",))


# --- commands -------------------------------------------------------------------------------------------------------


def test_only_given_variables_are_seen(reduced: Reduced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the dispatcher's environment gets in, neither into the command nor into what starts it (C5)."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    monkeypatch.setenv("PYTHONSTARTUP", "/canary")
    done = _run(reduced, ["env"], tmp_path, env={"GIVEN": "yes=1"})
    names = {line.split("=", 1)[0] for line in done.stdout.splitlines()}
    assert names == {"GIVEN", "HOME", "LANG", "PATH", "TMPDIR"} and "canary" not in done.stdout


def test_the_temporary_folder_is_its_own_and_goes(reduced: Reduced, tmp_path: Path) -> None:
    """``TMPDIR`` can be written, variables that name /tmp name it, variables that name a given folder do not, and nothing of it stays."""
    given = {"TMPDIR": "/tmp", "DATA": "/tmp/data", "WORK": str(tmp_path), "MANY": "/tmp/a:/tmp/b"}
    script = 'echo x > $TMPDIR/f && echo $TMPDIR $DATA $WORK $MANY; ls "$TMPDIR"'
    done = _run(reduced, ["sh", "-c", script], tmp_path, env=given)
    folder, data, work, many, listed = done.stdout.split()
    assert folder.startswith(str(Path(tempfile.gettempdir()).resolve())) and folder != "/tmp"
    assert (data, work, many, listed) == (f"{folder}/data", str(tmp_path), "/tmp/a:/tmp/b", "f")
    assert not Path(folder).exists()


def test_code_and_output_are_the_commands_own(reduced: Reduced, tmp_path: Path) -> None:
    """Exit code, both streams; 127 for a command that is not there, 126 for one that cannot be started, 137 for one that was killed."""
    done = _run(reduced, ["sh", "-c", "echo out; echo err >&2; exit 7"], tmp_path)
    assert (done.code, done.stdout, done.stderr, done.limit_hit) == (7, "out\n", "err\n", None)
    assert _run(reduced, ["no-such-command"], tmp_path).code == 127
    assert _run(reduced, ["./."], tmp_path).code == 126
    assert _run(reduced, ["sh", "-c", "kill -9 $$"], tmp_path).code == 137


def test_a_command_has_a_session_of_its_own(reduced: Reduced, tmp_path: Path) -> None:
    """So that no terminal of ours is its own."""
    script = "import os; print(os.getsid(0) == os.getpgid(0) == os.getpid())"
    assert _python(reduced, script, tmp_path).stdout == "True\n"


def test_arguments_and_variables_arrive_as_they_are(reduced: Reduced, tmp_path: Path) -> None:
    """Whatever is in them, also what is no UTF-8."""
    arguments = ["a b", "'\"", "*", "$HOME", "--", "", "ü\n", ";exit 3", os.fsdecode(b"\xff")]
    script = "import os, sys; print([os.fsencode(a) for a in sys.argv[1:]], os.environb[b'V'])"
    done = asyncio.run(
        reduced.run(
            [sys.executable, "-I", "-S", "-c", script, *arguments],
            cwd=tmp_path,
            read_only=interpreter_folders(),
            env={"V": os.fsdecode(b"\xfe")},
        )
    )
    assert done.stdout.strip() == f"{[os.fsencode(each) for each in arguments]} {bytes([254])!r}", done.stderr
    with pytest.raises(ValueError, match="NUL"):
        _run(reduced, ["echo", "a\0b"], tmp_path)


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "limits", "hit"),
    [
        ("sleep 30", Limits(timeout_s=0.4), "timeout_s"),
        ("while :; do :; done", Limits(cpu_s=1, timeout_s=20), "cpu_s"),
        ("cat /dev/zero > big", Limits(file_bytes=10**6, timeout_s=20), "file_bytes"),
        ("for i in $(seq 300); do sleep 30 & done; wait", Limits(processes=30, timeout_s=20), "processes"),
        (
            "i=0; while :; do head -c 1000000 /dev/zero > $TMPDIR/f$i; i=$((i+1)); sleep 0.02; done",
            Limits(disk_bytes=8 * 10**6, timeout_s=30),
            "disk_bytes",
        ),
    ],
)
def test_limits_hold(reduced: Reduced, tmp_path: Path, script: str, limits: Limits, hit: str) -> None:
    """The limit that ended a command is named; the temporary folder counts as disk."""
    assert _run(reduced, ["sh", "-c", script], tmp_path, limits=limits).limit_hit == hit


def test_memory_and_output_are_limited(reduced: Reduced, tmp_path: Path) -> None:
    """A memory bomb fails inside; a flood is drained and dropped above the cap."""
    done = _python(reduced, "b = bytearray(2**30)", tmp_path, limits=Limits(memory_bytes=256 * 2**20))
    assert done.code == 1 and "MemoryError" in done.stderr
    done = _run(
        reduced, ["sh", "-c", "head -c 30000000 /dev/zero; echo end >&2"], tmp_path, limits=Limits(output_bytes=1000)
    )
    assert (len(done.stdout), done.stderr, done.code) == (1000, "end\n", 0)


# --- ends (B7) ------------------------------------------------------------------------------------------------------

_STUBBORN = {
    "daemon": "(setsid sh -c 'sleep {m} & sleep {m}' >/dev/null 2>&1 &) ; sleep {m}",
    "deaf": "trap '' TERM INT HUP; sleep {m}; sleep {m}",
    "closes pipes": "exec >&- 2>&-; sleep {m}",
    "holds pipes": "sleep {m} & setsid sleep {m} &",
    "stopped": "sleep {m} & kill -STOP $!; sleep {m}",
    "forks on": "f() {{ sleep {m} & sleep 0.005; f & }}; f; sleep {m}",
}


@pytest.mark.parametrize("kind", _STUBBORN)
def test_nothing_is_left(reduced: Reduced, tmp_path: Path, kind: str) -> None:
    """Daemons, deaf processes, holders of pipes and trees that go on forking are all gone after the end."""
    marker = f"5{os.getpid()}{sorted(_STUBBORN).index(kind)}"
    limits = Limits(timeout_s=20.0 if kind == "holds pipes" else 0.7)  # that one ends by itself
    began = time.monotonic()
    done = _run(reduced, ["sh", "-c", _STUBBORN[kind].format(m=marker)], tmp_path, limits=limits)
    assert time.monotonic() - began < 30
    assert not _survivors(marker)
    assert done.limit_hit == ("timeout_s" if kind != "holds pipes" else None)


def test_cancelling_at_any_moment_leaves_nothing(
    reduced: Reduced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the command is only being started, a cancellation is taken at once and nothing stays."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    marker = f"7{os.getpid()}44"

    async def work() -> None:
        for number in range(20):
            running = asyncio.ensure_future(reduced.run(["sleep", marker], cwd=tmp_path))
            await asyncio.sleep(number * 0.008)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(running, 30)

    asyncio.run(work())
    assert _gone(marker)
    assert list(temporary.iterdir()) == []


def test_the_death_of_the_dispatcher_leaves_nothing(reduced: Reduced, tmp_path: Path) -> None:
    """``kill -9`` on the process that started it ends the tree, removes its temporary folder and puts ``.git`` back."""
    marker = f"8{os.getpid()}55"
    (tmp_path / ".git").write_text("gitdir: here\n")
    command = f"echo $TMPDIR > where; echo forged > .git; setsid sleep {marker} & sleep {marker}"
    script = (
        "import asyncio; from pathlib import Path; from agent_dispatcher_builtins.sandboxes.reduced import Reduced\n"
        f"folder = Path({str(tmp_path)!r})\n"
        f"asyncio.run(Reduced().run(['sh', '-c', {command!r}], cwd=folder, writable=(folder,)))"
    )

    async def work() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        while len(_survivors(marker)) < 2:
            await asyncio.sleep(0.05)
        parent.kill()
        await parent.wait()

    asyncio.run(work())
    assert _gone(marker)
    end = time.monotonic() + 10
    where = Path((tmp_path / "where").read_text().strip())
    while where.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not where.exists()
    assert (tmp_path / ".git").read_text() == "gitdir: here\n"


# --- failing closed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (OSError(errno.ENOSYS, "no"), r"has no Landlock; Linux 6\.7 or newer.*--unsafe-no-sandbox"),
        (OSError(errno.EOPNOTSUPP, "off"), r"not switched on: add landlock to the kernel's lsm="),
        (3, r"is version 3, and 4 is needed: upgrade to Linux 6\.7"),
    ],
)
def test_an_older_kernel_is_refused_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Any, says: str
) -> None:
    """Without Landlock, with it switched off, or with one that does not know networks, nothing is run."""

    def abi() -> int:
        if isinstance(answer, OSError):
            raise answer
        return int(answer)

    monkeypatch.setattr(_confinement, "landlock_abi", abi)
    with pytest.raises(SandboxUnavailable, match=says):
        _run(Reduced(), ["touch", "ran"], tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_command_that_could_not_be_confined_is_an_error(reduced: Reduced, tmp_path: Path) -> None:
    """A rule the kernel does not take ends the launch before the command begins."""
    with pytest.raises(SandboxUnavailable, match=r"did not start the command \(.*gone.*\): nothing was run"):
        _run(reduced, ["touch", "ran"], tmp_path, writable=(), read_only=(tmp_path / "gone",))
    assert not (tmp_path / "ran").exists()


def test_a_sandbox_that_does_not_hold_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If files were not restricted, the probe says so, before any command of ours."""
    from agent_dispatcher_builtins.sandboxes import reduced as module

    monkeypatch.setattr(module, "_rules", lambda readable, writable: [("/", _confinement.WRITE)])
    with pytest.raises(SandboxUnavailable, match=r"does not hold.*read a file of the host that was not named"):
        _run(Reduced(), ["touch", "ran"], tmp_path)
    assert not (tmp_path / "ran").exists()
    Path("/ad-probe").unlink(missing_ok=True)
    Path("/usr/ad-probe").unlink(missing_ok=True)
    Path("/etc/ad-probe").unlink(missing_ok=True)


def test_it_works_for_a_user_without_rights(reduced: Reduced, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by nobody it refuses the same, and nobody it stays."""
    if os.getuid() == 0:
        start = asyncio.create_subprocess_exec

        async def as_nobody(*argv: str, **options: Any) -> asyncio.subprocess.Process:
            return await start(*argv, **options, user=65534, group=65534, extra_groups=[])

        make = tempfile.mkdtemp

        def open_to_all(*arguments: Any, **options: Any) -> str:
            name = make(*arguments, **options)
            Path(name).chmod(0o777)
            return name

        monkeypatch.setattr(asyncio, "create_subprocess_exec", as_nobody)
        monkeypatch.setattr(tempfile, "mkdtemp", open_to_all)
        if not Path("/usr/bin/python3").exists():
            pytest.skip("nobody may not start the interpreter of root, and the system has none of its own")
        monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        folder.chmod(0o777)
        (folder / "canary").write_text("x")
        script = f"""import os, resource, socket
assert resource.getrlimit(resource.RLIMIT_NPROC)[0] != {resource.getrlimit(resource.RLIMIT_NPROC)[0]}
assert os.getuid() == {65534 if os.getuid() == 0 else os.getuid()}
def attempt(name, function):
    try:
        function(); print(name, "worked")
    except OSError:
        print(name, "refused")
open("written", "w").close()
attempt("socket", socket.socket)
attempt("home", lambda: os.listdir(os.path.expanduser("~root")))
attempt("tmp", lambda: open("/tmp/ad-probe", "w"))
attempt("signal", lambda: os.kill({os.getpid()}, 0))
attempt("root", lambda: os.setuid(0))"""
        done = _run(reduced, [sys.executable, "-I", "-S", "-c", script], folder)
        assert done.stdout.splitlines() == [f"{n} refused" for n in ("socket", "home", "tmp", "signal", "root")], done
        assert (folder / "written").stat().st_uid == (65534 if os.getuid() == 0 else os.getuid())
