"""Calling git so that only the arguments decide what it does.

No hook runs, no signing, no pager, no file monitor; system and user configuration have no effect (the user's name and address are read once and passed
on); the repository is always named, never looked for, so that a ``.git`` an agent left somewhere is not found.
"""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent_dispatcher.errors import Unavailable, WorkspaceError

__all__ = ["FALLBACK_IDENTITY", "Git", "GitFailed", "find_git"]

FALLBACK_IDENTITY = ("Agent Dispatcher", "agent-dispatcher@localhost")

#: Settings that hold for every call, whatever a configuration file says.
_ALWAYS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.splitIndex": "false",
    "core.autocrlf": "false",
    "core.safecrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "commit.gpgSign": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "diff.ignoreSubmodules": "all",
    "merge.renames": "false",
    "merge.directoryRenames": "false",
    "log.showSignature": "false",
    "i18n.commitEncoding": "utf-8",
    "i18n.logOutputEncoding": "utf-8",
    "user.useConfigOnly": "false",
    "advice.detachedHead": "false",
}


class GitFailed(WorkspaceError):
    """A call of git that ended with an error.

    Attributes:
        code: its exit code.
        said: what it wrote to stderr.
    """

    def __init__(self, argv: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"git {' '.join(argv[:3])} failed (code {code}): {said or 'it said nothing'}")
        self.code = code
        self.said = said


def find_git() -> str:
    """The git command; :class:`agent_dispatcher.errors.Unavailable` when there is none."""
    found = shutil.which("git")
    if found is None:
        raise Unavailable("git was not found", "install it: 'apt install git' or 'dnf install git'")
    return str(Path(found).absolute())


class Git:
    """Calls git.

    Args:
        git_dir: the repository; looked for from ``cwd`` when ``None``.
        excludes: a file of ignore patterns that hold beside those in the tree.
        identity: name and address of author and committer.
        trusting: the user's own configuration applies (for questions about the user's repository).
    """

    def __init__(
        self,
        git_dir: Path | None = None,
        *,
        excludes: Path | None = None,
        identity: tuple[str, str] = FALLBACK_IDENTITY,
        trusting: bool = False,
    ) -> None:
        self.command = find_git()
        self.git_dir = git_dir
        self.work_tree: Path | None = None
        name, address = identity
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR") if key in os.environ}
        settings = dict(_ALWAYS)
        if not trusting:
            settings["core.excludesFile"] = str(excludes or os.devnull)
            settings["core.attributesFile"] = os.devnull
        self._env = {
            **kept,
            "LC_ALL": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": address,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": address,
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        if not trusting:
            self._env |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
        for index, (key, value) in enumerate(settings.items()):
            self._env[f"GIT_CONFIG_KEY_{index}"] = key
            self._env[f"GIT_CONFIG_VALUE_{index}"] = value

    def within(self, git_dir: Path, work_tree: Path | None = None) -> Git:
        """The same for another repository, or for a work tree and its index."""
        other = copy.copy(self)
        other.git_dir, other.work_tree = git_dir, work_tree
        return other

    async def __call__(
        self,
        *argv: str,
        cwd: Path | None = None,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0,),
    ) -> bytes:
        """Standard output of one call.

        Args:
            argv: the arguments.
            cwd: where to run when there is no work tree.
            stdin: what git reads.
            env: further variables.
            accept: exit codes that are no error.

        Raises:
            GitFailed: any other exit code.
        """
        _, out = await self.ask(*argv, cwd=cwd, stdin=stdin, env=env, accept=accept)
        return out

    async def ask(
        self,
        *argv: str,
        cwd: Path | None = None,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        accept: Sequence[int] = (0, 1),
    ) -> tuple[int, bytes]:
        """Exit code and standard output; otherwise as calling it."""
        variables = {**self._env, **(env or {})}
        if self.git_dir is not None:
            variables["GIT_DIR"] = str(self.git_dir)
        if self.work_tree is not None:
            variables["GIT_WORK_TREE"] = str(self.work_tree)
        talking = asyncio.ensure_future(self._talk(argv, variables, cwd, stdin))
        try:
            code, out, err = await asyncio.shield(talking)
        except asyncio.CancelledError:
            # a git that is ended half-way leaves locks behind: let it finish, it is short
            await asyncio.wait({talking})
            raise
        if code not in accept:
            raise GitFailed(argv, code, err.decode("utf-8", "replace").strip())
        return code, out

    async def _talk(
        self, argv: Sequence[str], variables: Mapping[str, str], cwd: Path | None, stdin: bytes
    ) -> tuple[int, bytes, bytes]:
        process = await asyncio.create_subprocess_exec(
            self.command,
            *argv,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=variables,
            cwd=self.work_tree or cwd or self.git_dir or "/",
        )
        try:
            out, err = await process.communicate(stdin or None)
        finally:  # a loop that is closed right behind the last git would not get to do it
            process._transport.close()  # type: ignore[attr-defined]
        assert process.returncode is not None
        return process.returncode, out, err

    async def line(self, *argv: str, cwd: Path | None = None) -> str:
        """A call's output without the last line end."""
        return (await self(*argv, cwd=cwd)).decode("utf-8", "surrogateescape").rstrip("\n")
