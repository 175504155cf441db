"""The one guard every path goes through that an agent, a plan or a sandbox gave.

:class:`GuardedFolder` reads, writes, deletes and lists below one folder and cannot be led out of it: not by the text of a path (see
:mod:`agent_dispatcher.workspace.path_names`), not by a symbolic link, also not by one that is put in place between the check and the
use, since the kernel resolves the path and refuses links while it does (``openat2``; elsewhere every folder is opened in turn with
``O_NOFOLLOW``). It refuses to touch anything but regular files with one name.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import PathRefused
from .path_names import is_git_name, split_path, twin_key

__all__ = ["GuardedFolder", "read_untrusted"]

_SYS_OPENAT2 = 437  # the same on every architecture
_RESOLVE_NO_MAGICLINKS = 0x02
_RESOLVE_NO_SYMLINKS = 0x04
_RESOLVE_BENEATH = 0x08

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_WORKING_NAME = ".ad-writing-"


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Opener:
    """Opens a path beneath a folder without following any link."""

    def __init__(self) -> None:
        try:
            self._syscall = ctypes.CDLL(None, use_errno=True).syscall
            self._syscall.restype = ctypes.c_long
        except (OSError, AttributeError):  # no libc to ask
            self.kernel = False
            return
        self.kernel = self._probe()

    def _probe(self) -> bool:
        root = os.open("/", _FOLDER)
        try:
            os.close(self._openat2(root, ".", _FOLDER))
        except OSError:
            return False
        finally:
            os.close(root)
        return True

    def _openat2(self, folder: int, path: str, flags: int) -> int:
        how = _OpenHow(flags, 0, _RESOLVE_BENEATH | _RESOLVE_NO_SYMLINKS | _RESOLVE_NO_MAGICLINKS)
        name = os.fsencode(path)
        for _ in range(32):
            fd = int(
                self._syscall(
                    _SYS_OPENAT2, ctypes.c_int(folder), name, ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))
                )
            )
            if fd >= 0:
                return fd
            code = ctypes.get_errno()
            if code not in (errno.EAGAIN, errno.EINTR):
                break
        raise OSError(code, os.strerror(code), path)

    def open(self, folder: int, names: tuple[str, ...], flags: int) -> int:
        """A file descriptor; the caller closes it.

        Raises:
            OSError: ``ELOOP`` or ``ENOTDIR`` where a link is in the way.
        """
        if not names:
            return os.open(".", flags, dir_fd=folder)
        if self.kernel:
            return self._openat2(folder, "/".join(names), flags)
        here = os.dup(folder)
        try:
            for name in names[:-1]:
                deeper = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=here)
                os.close(here)
                here = deeper
            return os.open(names[-1], flags | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)


_opener: _Opener | None = None


def _open(folder: int, names: tuple[str, ...], flags: int) -> int:
    global _opener
    if _opener is None:
        _opener = _Opener()
    return _opener.open(folder, names, flags | os.O_CLOEXEC)


class GuardedFolder:
    """Files below ``root``, and nothing else.

    Paths are relative and ``/`` separated. Every method raises :class:`agent_dispatcher.errors.PathRefused` for a path that is not
    allowed, and :class:`FileNotFoundError` where there is no file.

    Args:
        root: the folder; it is trusted, and made at the first write when it does not exist.
        max_bytes: the largest file that is read.
    """

    def __init__(self, root: Path, *, max_bytes: int = 64 * 1024**2) -> None:
        self.root = root
        self._max_bytes = max_bytes

    def read_bytes(self, path: str) -> bytes:
        """The whole file."""
        names = split_path(path)
        with self._root() as root:
            fd = self._open_file(root, names, path)
        with os.fdopen(fd, "rb") as file:
            data = file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise PathRefused(path, f"the file is larger than {self._max_bytes} bytes")
        return data

    def read_text(self, path: str) -> str:
        """The file's text, line ends as they are; :class:`PathRefused` when it is not UTF-8."""
        try:
            return self.read_bytes(path).decode("utf-8")
        except UnicodeDecodeError as error:
            raise PathRefused(path, f"the file is not UTF-8 text (byte {error.start})") from None

    def write_text(self, path: str, text: str) -> None:
        """Write the whole file as UTF-8, whole or not at all."""
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise PathRefused(path, f"the text holds a lone surrogate at {error.start} and is not UTF-8") from None
        self.write_bytes(path, data)

    def write_bytes(self, path: str, data: bytes, *, mode: int | None = None) -> None:
        """Write the whole file, whole or not at all; folders on the way are made, the mode of an existing file is kept.

        Args:
            path: where.
            data: what.
            mode: permission bits, ``None`` for those of the existing file, or what the umask leaves of 0666.
        """
        names = split_path(path)
        self.root.mkdir(parents=True, exist_ok=True)
        with self._root() as root, self._folder(root, names[:-1], path, make=True) as folder:
            existing = self._target(folder, names[-1], path)
            working = _WORKING_NAME + secrets.token_hex(8)
            fd = os.open(working, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666, dir_fd=folder)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(data)
                    wanted = existing if mode is None else mode
                    if wanted is not None:
                        os.fchmod(file.fileno(), wanted)
                os.rename(working, names[-1], src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(working, dir_fd=folder)
                raise

    def delete(self, path: str) -> None:
        """Remove the file, and the folders this leaves empty."""
        names = split_path(path)
        with self._root() as root:
            with self._folder(root, names[:-1], path, make=False) as folder:
                if self._target(folder, names[-1], path) is None:
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
                os.unlink(names[-1], dir_fd=folder)
            for depth in range(len(names) - 1, 0, -1):
                with self._folder(root, names[: depth - 1], path, make=False) as parent:
                    try:
                        os.rmdir(names[depth - 1], dir_fd=parent)
                    except OSError:
                        return

    def exists(self, path: str) -> bool:
        """Whether there is a regular file at ``path``."""
        try:
            names = split_path(path)
            with self._root() as root:
                os.close(self._open_file(root, names, path))
        except FileNotFoundError:
            return False
        return True

    def mode(self, path: str) -> int:
        """The permission bits of the file."""
        names = split_path(path)
        with self._root() as root:
            fd = self._open_file(root, names, path)
        try:
            return stat.S_IMODE(os.fstat(fd).st_mode)
        finally:
            os.close(fd)

    def files(self) -> tuple[str, ...]:
        """Paths of all regular files that the other methods accept, sorted."""
        found: list[str] = []
        if not self.root.is_dir():
            return ()
        with self._root() as root:
            for folder, folders, names, fd in os.fwalk(".", dir_fd=root, follow_symlinks=False):
                inside = "" if folder == "." else folder.removeprefix("./") + "/"
                folders[:] = sorted(name for name in folders if not is_git_name(name) and _acceptable(inside + name))
                for name in names:
                    if not _acceptable(inside + name) or name.startswith(_WORKING_NAME):
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        if _regular(os.stat(name, dir_fd=fd, follow_symlinks=False)):
                            found.append(inside + name)
        return tuple(sorted(found))

    @contextlib.contextmanager
    def _root(self) -> Iterator[int]:
        fd = os.open(self.root, _FOLDER)
        try:
            yield fd
        finally:
            os.close(fd)

    def _open_file(self, root: int, names: tuple[str, ...], path: str) -> int:
        try:
            fd = _open(root, names, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError as error:
            raise _explained(error, path) from error
        try:
            why = _why_not(os.fstat(fd))
            if why:
                raise PathRefused(path, why)
        except BaseException:
            os.close(fd)
            raise
        return fd

    @contextlib.contextmanager
    def _folder(self, root: int, names: tuple[str, ...], path: str, *, make: bool) -> Iterator[int]:
        here = self._open_folder(root, names, path) if not make else self._made_folder(root, names, path)
        try:
            yield here
        finally:
            os.close(here)

    def _open_folder(self, root: int, names: tuple[str, ...], path: str) -> int:
        try:
            return _open(root, names, _FOLDER)
        except OSError as error:
            raise _explained(error, path) from error

    def _made_folder(self, root: int, names: tuple[str, ...], path: str) -> int:
        try:
            return self._open_folder(root, names, path)
        except FileNotFoundError:
            pass
        for depth in range(1, len(names) + 1):
            parent = self._open_folder(root, names[: depth - 1], path)
            try:
                name = names[depth - 1]
                try:
                    os.stat(name, dir_fd=parent, follow_symlinks=False)
                except FileNotFoundError:
                    _refuse_twin(parent, name, path)
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(name, dir_fd=parent)
            finally:
                os.close(parent)
        return self._open_folder(root, names, path)

    def _target(self, folder: int, name: str, path: str) -> int | None:
        """Permission bits of the file that is there, ``None`` when there is none; refuses anything that is not a plain file."""
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            _refuse_twin(folder, name, path)
            return None
        except OSError as error:
            raise _explained(error, path) from error
        why = _why_not(status)
        if why:
            raise PathRefused(path, why)
        return stat.S_IMODE(status.st_mode)


def read_untrusted(folder: Path, name: str, *, max_bytes: int) -> bytes | None:
    """A file that a sandbox left in ``folder``: its bytes, or ``None`` when it is missing, too large, or not a plain file."""
    try:
        return GuardedFolder(folder, max_bytes=max_bytes).read_bytes(name)
    except (OSError, PathRefused):
        return None


def _acceptable(path: str) -> bool:
    try:
        split_path(path)
    except PathRefused:
        return False
    return True


def _regular(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1


def _why_not(status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "it is a symbolic link"
    if stat.S_ISDIR(status.st_mode):
        return "it is a folder"
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if status.st_nlink > 1:  # 0 when it was replaced after it was opened
        return "the file has more than one name (a hard link)"
    return None


def _refuse_twin(folder: int, name: str, path: str) -> None:
    wanted = twin_key(name)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name != name and twin_key(entry.name) == wanted:
                raise PathRefused(path, f"{entry.name!r} is there already, and some file systems take the two for one")


def _explained(error: OSError, path: str) -> OSError | PathRefused:
    if error.errno in (errno.ELOOP, errno.EXDEV, errno.EMLINK):
        return PathRefused(path, "there is a symbolic link or a mount on the way")
    if error.errno == errno.ENOTDIR:
        return PathRefused(path, "something on the way is not a folder")
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return PathRefused(path, "it is not a regular file")
    if error.errno == errno.ENAMETOOLONG:
        return PathRefused(path, "it is too long for this file system")
    if error.errno == errno.EISDIR:
        return PathRefused(path, "it is a folder")
    if error.errno == errno.ENOENT:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
    return error
