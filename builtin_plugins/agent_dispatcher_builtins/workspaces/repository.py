"""Which repository an output folder is, and whether a run may start in it. Reads only, except that it makes a new repository."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from agent_dispatcher.errors import UsageError, WorkspaceError

from .git_command import FALLBACK_IDENTITY, Git, GitFailed

__all__ = ["OWN_FOLDER", "Repository", "find_repository", "not_writable", "owns_folder", "problems_of"]

#: Where the dispatcher keeps its own files in an output folder.
OWN_FOLDER = ".dispatcher"

#: Files in the repository's folder -> what is going on, and how it is ended.
_IN_PROGRESS = {
    "MERGE_HEAD": ("a merge", "git merge --continue", "git merge --abort"),
    "rebase-merge": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "rebase-apply": ("a rebase", "git rebase --continue", "git rebase --abort"),
    "CHERRY_PICK_HEAD": ("a cherry-pick", "git cherry-pick --continue", "git cherry-pick --abort"),
    "REVERT_HEAD": ("a revert", "git revert --continue", "git revert --abort"),
    "BISECT_LOG": ("a bisect", "git bisect good or bad", "git bisect reset"),
}
_NAMED_FILES = 5


@frozen(kw_only=True)
class Repository:
    """An output folder that is the root of a repository.

    Attributes:
        output: the folder.
        git_dir: its own git folder (of the linked worktree, if it is one).
        common_dir: where refs and objects are.
        head: the branch that is checked out, ``""`` when none is.
        base: the commit that is checked out, ``""`` before the first.
        empty: there is nothing in it but the repository itself.
        identity: name and address for commits.
    """

    output: Path
    git_dir: Path
    common_dir: Path
    head: str
    base: str
    empty: bool
    identity: tuple[str, str]

    def operation_in_progress(self) -> str | None:
        """A sentence about the merge, rebase or bisect the repository is in the middle of."""
        for name, (what, go_on, stop) in _IN_PROGRESS.items():
            if (self.git_dir / name).exists() or (self.common_dir / name).exists():
                return f"{self.output} is in the middle of {what}: finish it ('{go_on}') or give it up ('{stop}'), then run again"
        return None

    async def not_included(self) -> str | None:
        """A sentence about files that a run from ``base`` will not see."""
        git = Git(trusting=True).within(self.git_dir, self.output)
        listing = await git(
            "status", "--porcelain=v1", "-z", "--untracked-files=normal", "--ignore-submodules=all", "--no-renames"
        )
        names = [entry[3:] for entry in listing.decode("utf-8", "replace").split("\0") if entry]
        names = [name for name in names if not name.startswith(OWN_FOLDER + "/")]
        if not names:
            return None
        shown = ", ".join(names[:_NAMED_FILES]) + (
            f" and {len(names) - _NAMED_FILES} more" if len(names) > _NAMED_FILES else ""
        )
        return (
            f"the run starts from the last commit: uncommitted changes are not included and stay as they are ({shown})"
        )


async def find_repository(output: Path) -> tuple[Repository, bool]:
    """The repository at ``output``, made when the folder is missing or empty.

    Returns:
        The repository, and whether it was made.

    Raises:
        UsageError: ``output`` is a file.
        WorkspaceError: it is no root of a repository with files in it.
    """
    if output.exists() and not output.is_dir():
        raise UsageError(f"the output {output} is a file: name a folder")
    git = Git(trusting=True)
    if _has_nothing(output):
        await _make(output)
        return await _describe(git, output, made=True), True
    root = await _root_of(git, output)
    if root is None:
        raise WorkspaceError(
            f"the output {output} holds files but is not a git repository: name an empty folder, "
            "or make it one ('git init', then commit what is there)"
        )
    if root != output:
        raise WorkspaceError(
            f"the output {output} is a subfolder of the repository {root}: name its root, or a folder that is empty"
        )
    return await _describe(git, output, made=False), False


async def problems_of(output: Path) -> tuple[str, ...]:
    """Every reason why a new run could not start in ``output``; nothing is changed."""
    try:
        if _has_nothing(output):
            return not_writable(output)
        repository, _ = await find_repository(output)
    except (UsageError, WorkspaceError) as error:
        return (str(error),)
    except OSError as error:
        return (f"the output {output} cannot be read: {error.strerror}",)
    found = [repository.operation_in_progress(), await owns_folder(repository)]
    return (*(text for text in found if text), *not_writable(output))


async def owns_folder(repository: Repository) -> str | None:
    """A sentence about a repository that has the dispatcher's own folder under version control."""
    git = Git(trusting=True)
    if not repository.base or not await git.line(
        "ls-tree", "--name-only", repository.base, OWN_FOLDER, cwd=repository.output
    ):
        return None
    return (
        f"{repository.output} has '{OWN_FOLDER}' under version control, where the dispatcher keeps its own files: "
        f"remove it from the repository ('git rm -r --cached {OWN_FOLDER}' and commit)"
    )


def not_writable(output: Path) -> tuple[str, ...]:
    """What forbids writing to the folder, or making it."""
    there = next(place for place in (output, *output.parents) if place.exists())
    if not there.is_dir():
        return (f"the output {output} cannot be made: {there} is a file",)
    if not os.access(there, os.W_OK | os.X_OK):
        return (f"the output {output} cannot be written: {there} does not allow it",)
    return ()


def _has_nothing(output: Path) -> bool:
    try:
        return all(entry.name == OWN_FOLDER for entry in output.iterdir())
    except FileNotFoundError:
        return True


async def _make(output: Path) -> None:
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WorkspaceError(f"the output {output} cannot be made: {error.strerror}") from error
    await Git()("init", "-q", "--template=", "-b", "main", str(output), cwd=output)


async def _root_of(git: Git, output: Path) -> Path | None:
    try:
        answer = await git.line("rev-parse", "--is-bare-repository", "--is-inside-git-dir", cwd=output)
    except GitFailed as error:
        if "not a git repository" in error.said and not (output / ".git").exists():
            return None
        raise WorkspaceError(f"git cannot use {output}: {error.said}") from error
    bare, inside = answer.splitlines()
    if bare == "true":
        raise WorkspaceError(f"{output} is a bare repository, which has no files: clone it and name the clone")
    if inside == "true":
        raise WorkspaceError(f"{output} is inside a repository's git folder: name the folder with the files")
    return Path(await git.line("rev-parse", "--show-toplevel", cwd=output)).resolve()


async def _describe(git: Git, output: Path, *, made: bool) -> Repository:
    git_dir, common = (
        await git.line("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir", cwd=output)
    ).splitlines()
    there = git.within(Path(git_dir), output)
    _, head = await there.ask("symbolic-ref", "--quiet", "--short", "HEAD")
    _, base = await there.ask("rev-parse", "--quiet", "--verify", "HEAD^{commit}", accept=(0, 1, 128))
    empty = made
    if not made and not base:
        entries = {entry.name for entry in output.iterdir()} - {".git", OWN_FOLDER}
        empty = not entries and not await there("ls-files", "-z")
    return Repository(
        output=output,
        git_dir=Path(git_dir),
        common_dir=Path(common),
        head=head.decode("utf-8", "replace").strip(),
        base=base.decode().strip(),
        empty=empty,
        identity=await _identity(git, output),
    )


async def _identity(git: Git, output: Path) -> tuple[str, str]:
    _, listing = await git.ask("config", "-z", "--get-regexp", r"^user\.(name|email)$", cwd=output, accept=(0, 1))
    found: dict[str, str] = {}
    for entry in listing.decode("utf-8", "replace").split("\0"):
        key, _, value = entry.partition("\n")
        if value.strip():
            found[key] = value.strip()
    if "user.name" not in found or "user.email" not in found:
        return FALLBACK_IDENTITY
    return found["user.name"], found["user.email"]
