"""bubblewrap: what code inside cannot do, what it can, and that nothing runs when it does not work (FAULTS B1 to B8)."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import Completed, Limits
from agent_dispatcher.forbidden_acts import FORBIDDEN, USEFUL, interpreter_folders, try_acts
from agent_dispatcher_builtins.sandboxes.bubblewrap import SYSTEM_FOLDERS, Bubblewrap

pytestmark = pytest.mark.sandbox


def _run(sandbox: Bubblewrap, argv: Sequence[str], folder: Path, **options: Any) -> Completed:
    options.setdefault("writable", (folder,))
    return asyncio.run(sandbox.run(argv, cwd=folder, **options))


def _python(sandbox: Bubblewrap, script: str, folder: Path, **options: Any) -> Completed:
    return _run(
        sandbox,
        [sys.executable, "-I", "-S", "-c", script],
        folder,
        read_only=(*interpreter_folders(), *options.pop("read_only", ())),
        **options,
    )


def _survivors(marker: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if marker.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


def _gone(marker: str, within_s: float = 10.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not _survivors(marker):
            return True
        time.sleep(0.02)
    return not _survivors(marker)


# --- what is refused ------------------------------------------------------------------------------------------------


def test_every_forbidden_act_is_refused(isolated: Bubblewrap) -> None:
    """More than thirty escapes are tried from inside; none works, and what code needs does (B8)."""
    acts = asyncio.run(try_acts(isolated.run))
    assert len(FORBIDDEN) >= 30
    assert acts == {act.name: act in USEFUL for act in (*FORBIDDEN, *USEFUL)}


def test_the_same_acts_are_possible_without_a_sandbox() -> None:
    """The probe can tell: run unprotected, it finds acts that worked."""
    from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected

    acts = asyncio.run(try_acts(Unprotected().run))
    for act in (
        "connect to a port of the host",
        "read a file of the host that was not named",
        "see processes of the host",
    ):
        assert acts[act], act


def test_only_named_folders_are_there(isolated: Bubblewrap, tmp_path: Path) -> None:
    """Read-only folders can be read, writable ones written, and nothing else of the host is seen."""
    for name in ("work", "read", "hidden"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    script = f"cat file; echo; cat {tmp_path}/read/file; echo; ls {tmp_path}; touch new; touch {tmp_path}/read/new"
    done = _run(isolated, ["sh", "-c", script], tmp_path / "work", read_only=(tmp_path / "read",))
    assert done.stdout.split() == ["work", "read", "read", "work"]
    assert "Read-only" in done.stderr
    assert (tmp_path / "work" / "new").exists() and not (tmp_path / "read" / "new").exists()


def test_a_folder_that_is_not_named_writable_is_read_only(isolated: Bubblewrap, tmp_path: Path) -> None:
    """The folder a command runs in is only readable unless it is named writable."""
    done = _run(isolated, ["touch", "new"], tmp_path, writable=())
    assert done.code != 0 and not (tmp_path / "new").exists()


def test_the_git_file_of_a_worktree_cannot_be_exchanged(isolated: Bubblewrap, tmp_path: Path) -> None:
    """``.git`` in a writable folder stays what it is (W6)."""
    (tmp_path / ".git").write_text("gitdir: here\n")
    _run(isolated, ["sh", "-c", "rm -f .git; echo forged > .git; mv .git x; ln -sf /x .git"], tmp_path)
    assert (tmp_path / ".git").read_text() == "gitdir: here\n"
    assert not (tmp_path / ".git").is_symlink()


def test_only_given_variables_are_seen(isolated: Bubblewrap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the dispatcher's environment gets in (C5)."""
    monkeypatch.setenv("OPENAI_API_KEY", "canary-key")
    done = _run(isolated, ["env"], tmp_path, env={"GIVEN": "yes=1"})
    names = {line.split("=", 1)[0] for line in done.stdout.splitlines()}
    assert names == {"GIVEN", "HOME", "LANG", "PATH", "PWD", "TMPDIR"}
    assert "GIVEN=yes=1" in done.stdout.splitlines()
    assert "canary" not in done.stdout


def test_a_socket_that_is_named_can_be_used(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A Unix socket of the host works when it is given, and only then."""
    folder = tmp_path / "work"
    folder.mkdir()
    address = tmp_path / "s"
    script = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(address)!r}); print(s.recv(5).decode())"

    async def work(sockets: tuple[Path, ...]) -> Completed:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello")
            writer.close()

        server = await asyncio.start_unix_server(answer, path=str(address))
        try:
            return await isolated.run(
                [sys.executable, "-I", "-S", "-c", script],
                cwd=folder,
                read_only=interpreter_folders(),
                sockets=sockets,
            )
        finally:
            server.close()
            address.unlink()

    assert asyncio.run(work((address,))).stdout.strip() == "hello"
    assert asyncio.run(work(())).code != 0


def test_files_written_inside_belong_to_the_caller(isolated: Bubblewrap, tmp_path: Path) -> None:
    """Although the command runs as nobody, what it leaves can be read and removed by us."""
    _run(isolated, ["sh", "-c", "mkdir d && echo x > d/f"], tmp_path)
    assert (tmp_path / "d" / "f").stat().st_uid == os.getuid()
    (tmp_path / "d" / "f").unlink()


# --- commands -------------------------------------------------------------------------------------------------------


def test_code_and_output_are_the_commands_own(isolated: Bubblewrap, tmp_path: Path) -> None:
    """Exit code, both streams, and 127 for a command that is not there."""
    done = _run(isolated, ["sh", "-c", "echo out; echo err >&2; exit 7"], tmp_path)
    assert (done.code, done.stdout, done.stderr, done.limit_hit) == (7, "out\n", "err\n", None)
    assert _run(isolated, ["no-such-command"], tmp_path).code == 127
    assert _run(isolated, ["sh", "-c", "kill -9 $$"], tmp_path).code == 137


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), max_size=4))
def test_arguments_arrive_as_they_are(isolated: Bubblewrap, tmp_path: Path, arguments: list[str]) -> None:
    """No shell looks at an argument, whatever is in it (B5)."""
    done = _run(isolated, ["printf", "%s\\0", "--", *arguments], tmp_path)
    expected = "".join(f"{argument}\0" for argument in ["--", *arguments])
    assert done.stdout in (expected, expected.removeprefix("--\0"), "\0")


def test_a_nul_in_an_argument_is_refused(isolated: Bubblewrap, tmp_path: Path) -> None:
    """The kernel would cut the argument there."""
    with pytest.raises(ValueError, match="NUL"):
        _run(isolated, ["echo", "a\0b"], tmp_path)


# --- limits (B6) ----------------------------------------------------------------------------------------------------


def test_time_is_limited(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A command that waits too long is ended and says so."""
    done = _run(isolated, ["sleep", "30"], tmp_path, limits=Limits(timeout_s=0.3))
    assert done.limit_hit == "timeout_s" and done.code == 137 and done.duration_s < 20


def test_processor_time_is_limited(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A busy loop ends by its own limit."""
    done = _run(isolated, ["sh", "-c", "while :; do :; done"], tmp_path, limits=Limits(cpu_s=1, timeout_s=20))
    assert done.limit_hit == "cpu_s"


def test_memory_is_limited(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A memory bomb fails inside; we do not notice."""
    script = "b = []\nwhile True: b.append(bytearray(2**24))"
    done = _python(isolated, script, tmp_path, limits=Limits(memory_bytes=256 * 2**20, timeout_s=20))
    assert "MemoryError" in done.stderr and done.code == 1


def test_processes_are_limited(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A fork bomb is ended, root or not, and nothing of it is left."""
    marker = f"4{os.getpid()}71"
    script = f"for i in $(seq 500); do sleep {marker} & done; wait"
    done = _run(isolated, ["sh", "-c", script], tmp_path, limits=Limits(processes=40, timeout_s=20))
    assert done.limit_hit == "processes" or "fork" in done.stderr
    assert _gone(marker)


def test_output_is_cut_while_it_is_read(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A flood is drained and dropped above the cap; the command still ends by itself."""
    done = _run(
        isolated, ["sh", "-c", "head -c 30000000 /dev/zero; echo end >&2"], tmp_path, limits=Limits(output_bytes=1000)
    )
    assert len(done.stdout) == 1000 and done.stderr == "end\n" and done.code == 0


def test_a_file_cannot_grow_without_end(isolated: Bubblewrap, tmp_path: Path) -> None:
    """One file stops at its limit."""
    done = _run(isolated, ["sh", "-c", "cat /dev/zero > big"], tmp_path, limits=Limits(file_bytes=10**6, timeout_s=20))
    assert done.limit_hit == "file_bytes"
    assert (tmp_path / "big").stat().st_size <= 10**6


def test_folders_cannot_grow_without_end(isolated: Bubblewrap, tmp_path: Path) -> None:
    """Many files together stop at the disk limit."""
    script = "i=0; while :; do head -c 1000000 /dev/zero > f$i; i=$((i+1)); sleep 0.02; done"
    done = _run(isolated, ["sh", "-c", script], tmp_path, limits=Limits(disk_bytes=8 * 10**6, timeout_s=30))
    assert done.limit_hit == "disk_bytes"


def test_the_temporary_folder_is_small(isolated: Bubblewrap, tmp_path: Path) -> None:
    """``/tmp`` and ``/dev/shm`` inside are full before the machine's memory is."""
    for folder in ("/tmp", "/dev/shm"):
        done = _run(isolated, ["sh", "-c", f"cat /dev/zero > {folder}/big"], tmp_path, limits=Limits(timeout_s=20))
        assert "No space left" in done.stderr, folder


# --- ends (B7) ------------------------------------------------------------------------------------------------------

_STUBBORN = {
    "daemon": "(setsid sh -c 'sleep {m} & sleep {m}' >/dev/null 2>&1 &) ; sleep {m}",
    "deaf": "trap '' TERM INT HUP; sleep {m}; sleep {m}",
    "closes pipes": "exec >&- 2>&-; sleep {m}",
    "holds pipes": "sleep {m} & setsid sleep {m} &",
    "stopped": "sleep {m} & kill -STOP $!; sleep {m}",
}


@pytest.mark.parametrize("kind", _STUBBORN)
def test_a_timeout_leaves_nothing(isolated: Bubblewrap, tmp_path: Path, kind: str) -> None:
    """Daemons, deaf processes and holders of pipes are all gone soon after the limit."""
    marker = f"5{os.getpid()}{sorted(_STUBBORN).index(kind)}"
    began = time.monotonic()
    done = _run(isolated, ["sh", "-c", _STUBBORN[kind].format(m=marker)], tmp_path, limits=Limits(timeout_s=0.5))
    assert time.monotonic() - began < 30
    assert _gone(marker)
    assert done.limit_hit == ("timeout_s" if kind != "holds pipes" else None)


def test_a_command_that_ends_leaves_nothing(isolated: Bubblewrap, tmp_path: Path) -> None:
    """What it daemonised ends with it."""
    marker = f"6{os.getpid()}99"
    done = _run(isolated, ["sh", "-c", f"setsid sleep {marker} >/dev/null 2>&1 & echo done"], tmp_path)
    assert done.stdout == "done\n" and _gone(marker)


def test_cancelling_leaves_nothing(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A cancelled command is gone when the cancellation has been taken."""
    marker = f"7{os.getpid()}33"

    async def work() -> None:
        running = asyncio.ensure_future(isolated.run(["sh", "-c", f"sleep {marker} & sleep {marker}"], cwd=tmp_path))
        while not _survivors(marker):
            assert not running.done()
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(work())
    assert _gone(marker)


def test_cancelling_at_any_moment_leaves_nothing(isolated: Bubblewrap, tmp_path: Path) -> None:
    """Also while the command is only being started, a cancellation is taken at once and nothing stays."""
    marker = f"7{os.getpid()}44"

    async def work() -> None:
        for number in range(30):
            running = asyncio.ensure_future(isolated.run(["sleep", marker], cwd=tmp_path))
            await asyncio.sleep(number * 0.0007)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(running, 30)

    asyncio.run(work())
    assert _gone(marker)


def test_the_death_of_the_dispatcher_leaves_nothing(isolated: Bubblewrap, tmp_path: Path) -> None:
    """``kill -9`` on the process that started it ends everything inside."""
    marker = f"8{os.getpid()}55"
    script = (
        "import asyncio; from pathlib import Path; from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap\n"
        f"asyncio.run(Bubblewrap().run(['sh', '-c', 'sleep {marker} & setsid sleep {marker} & sleep {marker}'], cwd=Path({str(tmp_path)!r})))"
    )

    async def work() -> None:
        parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script)
        while len(_survivors(f"sleep\0{marker}")) < 3:
            await asyncio.sleep(0.05)
        parent.kill()
        await parent.wait()

    asyncio.run(work())
    assert _gone(f"sleep\0{marker}")


# --- failing closed (B1, B2) ----------------------------------------------------------------------------------------


def _fake(folder: Path, script: str) -> Bubblewrap:
    folder.mkdir(exist_ok=True)
    (folder / "bwrap").write_text("#!/bin/bash\n" + script)
    (folder / "bwrap").chmod(0o755)
    return Bubblewrap(folders=(folder, *SYSTEM_FOLDERS))


def test_without_bubblewrap_nothing_runs(tmp_path: Path) -> None:
    """The message names the package for two families of systems, and the flag."""
    with pytest.raises(SandboxUnavailable) as caught:
        _run(Bubblewrap(folders=(tmp_path,)), ["touch", str(tmp_path / "ran")], tmp_path)
    for part in ("apt install bubblewrap", "dnf install bubblewrap", "--unsafe-no-sandbox"):
        assert part in str(caught.value)
    assert not (tmp_path / "ran").exists()


def test_a_bubblewrap_on_the_path_or_in_the_workspace_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the system's folders are looked into."""
    (tmp_path / "bwrap").write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SandboxUnavailable):
        _run(Bubblewrap(folders=(tmp_path / "empty",)), ["true"], tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_bubblewrap_that_cannot_make_namespaces_says_what_to_do(tmp_path: Path) -> None:
    """The error of a system that forbids user namespaces is explained."""
    sandbox = _fake(tmp_path / "bin", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1\n")
    with pytest.raises(SandboxUnavailable, match=r"does not let users make namespaces.*--unsafe-no-sandbox"):
        _run(sandbox, ["true"], tmp_path)


def test_a_bubblewrap_that_does_not_isolate_is_found_out(tmp_path: Path) -> None:
    """One that merely runs the command is refused by the probe, before any command of ours."""
    script = """
while [ "$1" != -- ]; do
  [ "$1" = --json-status-fd ] && status=$2
  [ "$1" = --chdir ] && cd "$2"
  shift
done
shift
"$@"
code=$?
eval "echo '{\\"exit-code\\": '$code'}' >&$status"
exit $code
"""
    sandbox = _fake(tmp_path / "bin", script)
    with pytest.raises(SandboxUnavailable, match=r"does not isolate.*read a file of the host"):
        _run(sandbox, ["touch", str(tmp_path / "ran")], tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_bubblewrap_that_fails_later_is_an_error_not_a_result(isolated: Bubblewrap, tmp_path: Path) -> None:
    """One that works when it is probed and fails afterwards ends the command, never runs it unprotected."""
    real = next(folder / "bwrap" for folder in SYSTEM_FOLDERS if (folder / "bwrap").exists())
    flag = tmp_path / "broken"
    sandbox = _fake(tmp_path / "bin", f'[ -e {flag} ] && {{ echo "bwrap: broken" >&2; exit 1; }}\nexec {real} "$@"\n')
    folder = tmp_path / "work"
    folder.mkdir()
    assert _run(sandbox, ["touch", "first"], folder).code == 0
    flag.touch()
    with pytest.raises(SandboxUnavailable, match="did not start the command"):
        _run(sandbox, ["touch", "second"], folder)
    assert [path.name for path in folder.iterdir()] == ["first"]


def test_what_proved_itself_is_tried_again_only_when_it_was_exchanged(isolated: Bubblewrap, tmp_path: Path) -> None:
    """A second sandbox of this process takes the proof of the first over; one whose command is another file since has to prove itself."""
    real = next(folder / "bwrap" for folder in SYSTEM_FOLDERS if (folder / "bwrap").exists())
    script = f'echo started >> {tmp_path}/starts\nexec {real} "$@"\n'

    def starts() -> int:
        return len((tmp_path / "starts").read_text().splitlines())

    asyncio.run(_fake(tmp_path / "bin", script).probe())
    once = starts()
    folders = (tmp_path / "bin", *SYSTEM_FOLDERS)
    second = Bubblewrap(folders=folders)
    asyncio.run(second.probe())
    assert _run(second, ["true"], tmp_path).code == 0
    assert starts() == once + 1  # the command alone
    _fake(tmp_path / "bin", "exit 1\n")
    with pytest.raises(SandboxUnavailable):
        asyncio.run(Bubblewrap(folders=folders).probe())


def test_a_bubblewrap_that_vanishes_is_an_error(isolated: Bubblewrap, tmp_path: Path) -> None:
    """It is looked at before every launch."""
    real = next(folder / "bwrap" for folder in SYSTEM_FOLDERS if (folder / "bwrap").exists())
    sandbox = _fake(tmp_path / "bin", f'exec {real} "$@"\n')
    sandbox._folders = (tmp_path / "bin", tmp_path / "tools")
    (tmp_path / "tools").mkdir()
    prlimit = next(folder / "prlimit" for folder in SYSTEM_FOLDERS if (folder / "prlimit").exists())
    (tmp_path / "tools" / "prlimit").symlink_to(prlimit)
    sandbox._command = lambda name: (tmp_path / "bin" / name) if name == "bwrap" else prlimit  # type: ignore[method-assign]
    assert _run(sandbox, ["true"], tmp_path).code == 0
    (tmp_path / "bin" / "bwrap").unlink()
    del sandbox._command  # type: ignore[method-assign]
    with pytest.raises(SandboxUnavailable, match="is not in"):
        _run(sandbox, ["true"], tmp_path)


def test_a_bubblewrap_others_can_write_is_not_trusted(tmp_path: Path) -> None:
    """A command that anyone may exchange is no base to stand on."""
    sandbox = _fake(tmp_path / "bin", "exit 0\n")
    (tmp_path / "bin" / "bwrap").chmod(0o777)
    with pytest.raises(SandboxUnavailable, match="written by others"):
        _run(sandbox, ["true"], tmp_path)


def test_it_works_for_a_user_without_rights(isolated: Bubblewrap, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started by nobody it isolates in the same way; root is not needed."""
    if os.getuid() == 0:
        start = asyncio.create_subprocess_exec

        async def as_nobody(*argv: str, **options: Any) -> asyncio.subprocess.Process:
            return await start(*argv, **options, user=65534, group=65534, extra_groups=[])

        monkeypatch.setattr(asyncio, "create_subprocess_exec", as_nobody)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        script = "touch written; grep -E 'CapEff|Seccomp:' /proc/self/status; cat /etc/shadow; unshare -Ur true; ls /root /home"
        done = _run(isolated, ["sh", "-c", script], folder)
        assert done.stdout.split() == ["CapEff:", "0000000000000000", "Seccomp:", "2"]
        assert len(done.stderr.splitlines()) >= 4
        assert (folder / "written").stat().st_uid == (65534 if os.getuid() == 0 else os.getuid())
