"""The path guard: nothing an agent names can lead out of its folder (FAULTS W1 to W6, W8)."""

from __future__ import annotations

import ctypes
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent_dispatcher.errors import PathRefused
from agent_dispatcher.workspace import path_guard
from agent_dispatcher.workspace.path_guard import GuardedFolder, read_untrusted
from agent_dispatcher.workspace.path_names import is_git_name, split_path, twin_key

_LEAVING = [
    "..", "../x", "a/../x", "a/..", "./x", "a/./b", ".", "/", "/etc/passwd", "//etc/passwd", "\\etc", "..\\x", "a\\b",
    "C:/x", "C:\\x", "c:x", "\\\\server\\share", "//server/share", "~", "~/x", "~root/x", "", "a//b", "a/", "/a/",
]  # fmt: skip
_HOSTILE = [
    "a\0b", "\0", "a\nb", "a\rb", "a\tb", "\x1b[2Jx", "x\x7f", "a\u2028b", "a\u202eb", "a\u200bb", "\ufeffa", "a" * 256, "é" * 128,
    "/".join(["a" * 200] * 6), "/".join("a" * 70), "CON", "con", "con.txt", "NUL", "aux.c", "COM1", "com9.x", "LPT1", "lpt¹", "PRN ",
    "a.", "a ", "a. ", "a/b./c", "a*b", "a?b", 'a"b', "a<b", "a>b", "a|b", "a:b", "a::$DATA", "\ud800", "a/\udcff",
]  # fmt: skip
_GIT = [
    ".git", ".git/config", ".git/hooks/pre-commit", ".GIT/config", ".Git", "a/.git/config", "a/.gIt", ".git ", ".git.", ".git. .",
    "git~1", "GIT~1/config", "git~2", ".git::$INDEX_ALLOCATION/config", ".g\u200cit/config", ".git\u200d", "．git", ".ｇit",
    ".dispatcher", ".dispatcher/state.db", ".Dispatcher/x", ".dispatcher./x",
]  # fmt: skip
#: The same inside of other folders: a bad name is one wherever it stands.
_PLACED = [
    place.format(name)
    for place in ("x/{}", "{}/x", "x/{}/y")
    for name in [each for each in (*_HOSTILE, *_GIT) if "/" not in each and "dispatcher" not in each.lower()]
] + [f"{device}{number}{ending}" for device in ("COM", "lpt") for number in range(1, 10) for ending in ("", ".txt")]


@pytest.fixture(params=["kernel", "walk"])
def guarded(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GuardedFolder]:
    """A guarded folder, once by ``openat2`` and once by opening each folder in turn."""
    opener = path_guard._Opener()
    if request.param == "kernel" and not opener.kernel:
        pytest.skip("this kernel has no openat2")
    opener.kernel = request.param == "kernel"
    monkeypatch.setattr(path_guard, "_opener", opener)
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("secret")
    yield GuardedFolder(inside)
    assert (tmp_path / "outside" / "secret").read_text() == "secret"
    assert _names(tmp_path / "outside") == ["secret"]
    assert _names(tmp_path) == ["inside", "outside"]


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _refused_everywhere(folder: GuardedFolder, path: str) -> None:
    for act in (
        lambda: folder.read_bytes(path),
        lambda: folder.write_bytes(path, b"x"),
        lambda: folder.delete(path),
        lambda: folder.exists(path),
        lambda: folder.mode(path),
    ):
        with pytest.raises(PathRefused):
            act()


def test_a_file_is_written_read_listed_and_deleted(guarded: GuardedFolder) -> None:
    """What is written comes back, parents are made, and empty ones go with their last file."""
    guarded.write_text("a/b/c.txt", "héllo\r\n")
    guarded.write_bytes("top.bin", b"\x00\xff")
    assert guarded.read_text("a/b/c.txt") == "héllo\r\n"
    assert guarded.files() == ("a/b/c.txt", "top.bin")
    assert guarded.exists("a/b/c.txt")
    assert not guarded.exists("a/b/d.txt")
    guarded.delete("a/b/c.txt")
    assert guarded.files() == ("top.bin",)
    assert not (guarded.root / "a").exists()
    assert guarded.root.is_dir()


@pytest.mark.parametrize("path", [*_LEAVING, *_HOSTILE, *_GIT])
def test_hostile_names_are_refused(guarded: GuardedFolder, path: str) -> None:
    """Every name of the corpus is refused by every method with a typed error."""
    _refused_everywhere(guarded, path)
    assert guarded.files() == ()


def test_hostile_names_are_refused_in_any_place(guarded: GuardedFolder) -> None:
    """With these the corpus has more than two hundred names."""
    for path in _PLACED:
        _refused_everywhere(guarded, path)
    assert len({*_LEAVING, *_HOSTILE, *_GIT, *_PLACED}) >= 200


def test_the_refusal_names_the_path_and_the_reason(guarded: GuardedFolder) -> None:
    """A refusal says what was given and why."""
    with pytest.raises(PathRefused, match=r"'\.\./x' is refused: '\.\.' is not allowed"):
        guarded.read_bytes("../x")


@given(path=st.text(max_size=40) | st.from_regex(r"(\.\.?|~|[a-c]|/|\\|\.git| ){1,8}", fullmatch=True))
@example("a/../../outside/secret")
@example(".\u200bgit/config")
def test_any_accepted_path_stays_inside(path: str) -> None:
    """Whatever text is accepted joins to a path below the root, and has no name that is git's or goes up."""
    try:
        names = split_path(path)
    except PathRefused:
        return
    joined = os.path.normpath("/root-folder/" + path)
    assert joined.startswith("/root-folder/")
    assert joined == "/root-folder/" + "/".join(names)
    assert not any(is_git_name(name) or name in ("", ".", "..") for name in names)


def test_symbolic_links_are_refused(guarded: GuardedFolder, tmp_path: Path) -> None:
    """No link is followed: not as a file, not as a folder, not a dangling one, not one that stays inside."""
    guarded.write_text("real/file", "x")
    root = guarded.root
    (root / "file-link").symlink_to(tmp_path / "outside" / "secret")
    (root / "folder-link").symlink_to(tmp_path / "outside")
    (root / "dangling").symlink_to(tmp_path / "outside" / "new")
    (root / "inner").symlink_to("real/file")
    (root / "magic").symlink_to("/proc/self/root")
    for path in ("file-link", "folder-link/secret", "folder-link/new", "dangling", "inner", "magic/etc/passwd"):
        _refused_everywhere(guarded, path)
    assert guarded.files() == ("real/file",)


def test_hard_links_are_refused(guarded: GuardedFolder, tmp_path: Path) -> None:
    """A file that has another name elsewhere is neither read nor written."""
    (guarded.root / "hard").hardlink_to(tmp_path / "outside" / "secret")
    _refused_everywhere(guarded, "hard")
    assert guarded.files() == ()


def test_special_files_are_refused_without_waiting(guarded: GuardedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """FIFOs and sockets are refused at once; nothing blocks."""
    os.mkfifo(guarded.root / "fifo")
    server = socket.socket(socket.AF_UNIX)
    try:
        monkeypatch.chdir(guarded.root)
        server.bind("socket")
        began = time.monotonic()
        for path in ("fifo", "socket", "fifo/below"):
            _refused_everywhere(guarded, path)
        assert time.monotonic() - began < 20
        assert guarded.files() == ()
    finally:
        server.close()


def test_folders_are_no_files(guarded: GuardedFolder) -> None:
    """A folder is neither read, nor replaced, nor deleted."""
    guarded.write_text("folder/file", "x")
    with pytest.raises(PathRefused, match="folder"):
        guarded.write_text("folder", "x")
    with pytest.raises(PathRefused):
        guarded.delete("folder")
    with pytest.raises(PathRefused):
        guarded.write_text("folder/file/below", "x")


def test_missing_files_are_missing(guarded: GuardedFolder) -> None:
    """A path that is allowed but empty is FileNotFoundError, not a refusal."""
    for act in (guarded.read_bytes, guarded.delete, guarded.mode):
        with pytest.raises(FileNotFoundError):
            act("nowhere/file")
    assert not guarded.exists("nowhere/file")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Readme.md", "README.md"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("src/a", "SRC/b"),
        ("\ufb01le", "file"),
    ],
)
def test_twins_are_reported_before_anything_is_written(guarded: GuardedFolder, first: str, second: str) -> None:
    """A name that some file system takes for an existing one is refused, and the existing file is as it was."""
    guarded.write_text(first, "first")
    with pytest.raises(PathRefused, match="is there already"):
        guarded.write_text(second, "second")
    assert guarded.files() == (first,)
    assert guarded.read_text(first) == "first"


def test_a_replaced_file_keeps_its_mode(guarded: GuardedFolder) -> None:
    """Writing an executable again leaves it executable; nothing of the writing is left behind."""
    guarded.write_text("run.sh", "#!/bin/sh\n")
    (guarded.root / "run.sh").chmod(0o755)
    guarded.write_text("run.sh", "#!/bin/sh\ntrue\n")
    assert guarded.mode("run.sh") == 0o755
    assert _names(guarded.root) == ["run.sh"]


def test_a_failed_write_leaves_the_old_file(guarded: GuardedFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the last step fails the old content is there and no working file is."""
    guarded.write_text("a", "old")

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", fail)
        with pytest.raises(OSError, match="No space left"):
            guarded.write_text("a", "new")
    assert guarded.read_text("a") == "old"
    assert _names(guarded.root) == ["a"]


def test_a_reader_sees_the_old_or_the_new_file_never_half(guarded: GuardedFolder) -> None:
    """While a file is rewritten all the time, every read is one whole version."""
    versions = [b"a" * 200_000, b"b" * 200_000]
    guarded.write_bytes("file", versions[0])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for version in versions:
                guarded.write_bytes("file", version)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        torn = [data for data in (guarded.read_bytes("file") for _ in range(300)) if data not in versions]
    finally:
        stop.set()
        writer.join()
    assert torn == []


def _exchange(one: Path, other: Path) -> None:
    """Let two names change places at once, so that at no moment one of them is free to be made anew."""
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), exchange):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def test_a_link_swapped_in_between_check_and_use_leads_nowhere(guarded: GuardedFolder, tmp_path: Path) -> None:
    """With a thread that keeps exchanging a folder for a link, thousands of reads and writes never get out."""
    root = guarded.root
    (root / "real").mkdir()
    (root / "real" / "secret").write_text("inside")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "place").mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            for source in ("real", "link"):
                _exchange(root / source, root / "place")
                time.sleep(0)
                _exchange(root / source, root / "place")

    swapper = threading.Thread(target=swap)
    swapper.start()
    seen: set[str] = set()
    try:
        for number in range(10_000):
            try:
                seen.add(guarded.read_text("place/secret"))
                if number % 5 == 0:
                    guarded.write_text("place/written", "x")
            except (PathRefused, FileNotFoundError):
                continue
    finally:
        stop.set()
        swapper.join()
    assert "secret" not in seen
    assert "inside" in seen


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """Reading stops at the cap."""
    (tmp_path / "big").write_bytes(b"x" * 1001)
    with pytest.raises(PathRefused, match="larger than 1000 bytes"):
        GuardedFolder(tmp_path, max_bytes=1000).read_bytes("big")


def test_text_must_be_text(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 and text that cannot become UTF-8 are refused."""
    folder = GuardedFolder(tmp_path)
    folder.write_bytes("latin", b"\xe9")
    with pytest.raises(PathRefused, match="not UTF-8"):
        folder.read_text("latin")
    with pytest.raises(PathRefused, match="surrogate"):
        folder.write_text("x", "\ud800")
    assert folder.files() == ("latin",)


def test_a_folder_is_made_only_when_something_is_written(tmp_path: Path) -> None:
    """Looking costs nothing: the root appears with the first write."""
    folder = GuardedFolder(tmp_path / "later")
    assert folder.files() == ()
    assert not (tmp_path / "later").exists()
    folder.write_text("a", "x")
    assert folder.files() == ("a",)


def test_results_of_a_sandbox_are_read_with_the_same_care(tmp_path: Path) -> None:
    """A result file that is a link to somewhere else counts as missing."""
    (tmp_path / "secret").write_text("secret")
    box = tmp_path / "box"
    box.mkdir()
    (box / "results.xml").symlink_to(tmp_path / "secret")
    (box / "good").write_text("good")
    assert read_untrusted(box, "results.xml", max_bytes=100) is None
    assert read_untrusted(box, "good", max_bytes=100) == b"good"
    assert read_untrusted(box, "good", max_bytes=2) is None
    assert read_untrusted(box, "none", max_bytes=2) is None


@given(st.text(min_size=1, max_size=20))
def test_twin_keys_do_not_change_when_folded_again(name: str) -> None:
    """Two names with one key stay together however often they are folded."""
    assert twin_key(twin_key(name)) == twin_key(name)
