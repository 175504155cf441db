"""The workspace ``git``: a worktree per attempt, sealed work under a ref of its own, one commit per landed task.

Git is the truth about what landed. The user's branch, index and files are not touched: everything happens in worktrees below
``.dispatcher/`` and in refs of our own, until a repository that was made for the run gets its ``main`` at the end. No ref is deleted before its commit is
reachable from the run's branch. Every step is one that a kill leaves either done or not done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from attrs import evolve

from agent_dispatcher.errors import WorkspaceError
from agent_dispatcher.extension import Change, Conflict, Landed, Moved, Opened, Reconciled, Started, Tree
from agent_dispatcher.extension.components import Keep
from agent_dispatcher.failpoints import failpoint
from agent_dispatcher.models import Task

from . import git_moving, git_upkeep
from .beginning import exclude_own_folder, make_branch, merges_trees, write_excludes
from .commits import compose, ref_part
from .ending import clear_locks, delete_merged_refs, show_result
from .finding import landed_work, sealed_work
from .git_command import Git, GitFailed
from .git_state import GitState, load_state, save_state
from .objects import NO_COMMIT, Objects, parse_raw
from .ownership import Ownership
from .placing import Placing
from .repository import OWN_FOLDER, Repository, find_repository, owns_folder, problems_of
from .worktrees import Worktree, WorktreePool, add_some, refuse_names

__all__ = ["GitWorkspace"]

#: Stands in a ref for a change that is no task's.
_NO_TASK = "_run"
_LINK, _REPOSITORY = "120000", "160000"


class GitWorkspace:
    """See the module's page, and :class:`agent_dispatcher.extension.Workspace` for each method.

    Args:
        log: where it says what it cleared away, and what it merged by itself.
    """

    stacks = True
    selects = True

    def __init__(self, log: logging.Logger | None = None) -> None:
        self._log = log or logging.getLogger(__name__)
        self._run = ""
        self._tip = ""
        self._repository: Repository | None = None
        self._state: GitState | None = None
        self._git: Git | None = None
        self._pool: WorktreePool | None = None
        self._landing: Worktree | None = None
        self._busy: dict[Path, Worktree] = {}
        self._objects: Objects | None = None
        self._placing: Placing | None = None
        self._ownership: Ownership | None = None

    # --- the run ---------------------------------------------------------------------------------------------------

    async def start(self, run: str, output: Path, *, title: str = "") -> Started:
        """Begin in ``output``, or find what an earlier process left of the run."""
        output = output.resolve()
        repository, made = await find_repository(output)
        if not made:
            made = repository.empty
        state = load_state(self._state_file(output, run))
        warnings: list[str] = []
        if state is None:
            in_progress = repository.operation_in_progress()
            if in_progress:
                raise WorkspaceError(in_progress)
        exclude_own_folder(repository)
        self._run, self._repository = run, repository
        self._git = Git(repository.common_dir, excludes=write_excludes(output), identity=repository.identity)
        self._objects = Objects(self._git)
        if state is None:
            if not made:
                owned = await owns_folder(repository)
                if owned:
                    raise WorkspaceError(owned)
                left_out = await repository.not_included()
                if left_out:
                    warnings.append(left_out)
            state = await self._new_state(repository, made, title)
        failpoint("workspace.start")
        self._state = state
        await make_branch(self._git, state)
        self._tip = await self._branch_tip()
        pool = self._pool = WorktreePool(self._git, output / OWN_FOLDER / "worktrees", ref_part(run) + "-w")
        merges = await merges_trees(self._git)
        self._placing = Placing(self._git, self._objects, pool, merges_trees=merges, log=self._log)
        return Started(base=state.base, branch=state.branch, new=state.new, warnings=tuple(warnings))

    async def claim(self, owner: str, verify: Callable[[], None]) -> None:
        """See :class:`agent_dispatcher.extension.components.Claimable`."""
        self._ownership = Ownership(self._calls(), self._run, owner, verify, self._log)
        await self._ownership.take()

    async def problems(self, output: Path) -> tuple[str, ...]:
        """Why a new run could not start in ``output``."""
        return await problems_of(output)

    async def finish(self, status: str) -> str:
        """End the run; a new repository's ``main`` is moved to the tip and checked out.

        Raises:
            WorkspaceError: what landed is safe on the run's branch, but ``main`` could not be moved; says why.
        """
        repository, state = self._started()
        git, pool = self._parts()
        await pool.aclose()
        self._landing, self._busy = None, {}
        tip = self._tip = await self._branch_tip()
        failpoint("workspace.finish")
        if state.new and state.head:
            await show_result(git, repository, state, tip, self._save, self._move)
        await delete_merged_refs(git, self._ref_folder(), tip, self._log)
        if self._ownership is not None:
            await self._ownership.give_up()
        failpoint("workspace.finished")
        return tip

    async def reconcile(self, run: str) -> Reconciled:
        """What landed (from the commits' trailers) and what is sealed (from the refs); clears what a dead owner left."""
        repository, state = self._started()
        git, pool = self._parts()
        objects, _ = self._stacking()
        if run != self._run:
            raise WorkspaceError(f"this workspace was started for run {self._run}, not {run}")
        await pool.aclose()
        self._landing, self._busy = None, {}
        pool.sweep(repository.common_dir / "worktrees")
        clear_locks(repository, state, self._ref_folder(), self._log)
        self._tip = tip = await self._branch_tip()
        landed = await landed_work(git, run, state.base, tip)
        sealed = await sealed_work(git, objects, run, self._ref_folder(), landed)
        return Reconciled(landed=landed, sealed=sealed, tip=tip)

    async def aclose(self) -> None:
        """Give back all folders; nothing that was sealed or landed is touched."""
        if self._pool is not None:
            await self._pool.aclose()
        self._landing, self._busy = None, {}

    # --- attempts --------------------------------------------------------------------------------------------------

    async def open(self, task: Task | None, attempt: int, base: str | None = None) -> Opened:
        """A worktree with the tree of ``base``."""
        _, pool = self._parts()
        commit = base or self._tip
        worktree = await pool.take(commit)
        self._busy[worktree.path] = worktree
        return Opened(task=task.id if task else "", attempt=attempt, path=worktree.path, base=commit)

    async def seal(
        self, opened: Opened, message: str, *, trailers: Sequence[tuple[str, str]] = (), keep: Keep | None = None
    ) -> Change:
        """One commit on the attempt's base under its own ref. What ``.gitignore`` names and what tools leave behind is not in it.

        Raises:
            WorkspaceError: the folder holds something that cannot be kept (a link, a repository, a name that is refused), which it names.
        """
        _, pool = self._parts()
        objects, _ = self._stacking()
        worktree = self._release(opened)
        commit: str | None = None
        clean = True
        try:
            odd = await asyncio.to_thread(worktree.odd)
            if odd:
                raise WorkspaceError("the attempt left what cannot be kept: " + "; ".join(odd[:5]))
            git = pool.git_in(worktree)
            if keep is None:
                await git("add", "--all")
            else:
                clean = await add_some(git, keep)
            tree, listing = await asyncio.gather(
                git("write-tree"),
                git("diff-index", "--cached", "--raw", "-z", "--no-renames", "--no-abbrev", opened.base),
            )
            changed = parse_raw(listing)
            refuse_names([path for mode, path in changed if mode != "000000"])
            links = [path for mode, path in changed if mode in (_LINK, _REPOSITORY)]
            if links:
                raise WorkspaceError(
                    f"the attempt left symbolic links or repositories, which are not kept: {', '.join(links[:5])}"
                )
            text = compose(message, self._with_own(trailers, opened))
            commit = await objects.commit_tree(tree.decode().strip(), opened.base, text)
            failpoint("workspace.seal")
            ref = await self._keep(commit, opened)
            failpoint("workspace.sealed")
        finally:
            pool.give_back(worktree, index_at=commit if clean else None)
        return Change(
            task=opened.task,
            attempt=opened.attempt,
            ref=ref,
            commit=commit,
            base=opened.base,
            paths=tuple(sorted(path for _, path in changed)),
        )

    async def discard(self, opened: Opened) -> None:
        """Give the folder back; what is in it is gone."""
        _, pool = self._parts()
        pool.give_back(self._release(opened), index_at=None)

    # --- landing ---------------------------------------------------------------------------------------------------

    async def stage(self, changes: Sequence[Change]) -> Tree | Conflict:
        """Put ``changes`` on the tip, in order, one commit each, and check the result out."""
        objects, placing = self._stacking()
        tip = commit = self._tip
        stack: list[Landed] = []
        for change in changes:
            placed = await placing.place(change, commit)
            if isinstance(placed, Conflict):
                return placed
            commit = placed
            stack.append(Landed(commit=commit, tree=(await objects.commit(commit)).tree))
        tree = evolve(await self._checked_out(commit, tip, tuple(changes)), stack=tuple(stack))
        failpoint("workspace.staged")
        return tree

    async def content(self, base: str, path: str) -> bytes | None:
        """See :class:`agent_dispatcher.extension.components.Remembering`."""
        code, data = await self._calls().ask("cat-file", "blob", f"{base}:{path}", accept=(0, 128))
        return data if code == 0 else None

    async def land(self, tree: Tree, expected_tip: str) -> Landed | Moved:
        """Move the run's branch, if it is where it is expected to be."""
        branch = f"refs/heads/{self._started()[1].branch}"
        failpoint("workspace.land")
        for patience in (0.05, 0.2, 1.0, None):
            try:
                await self._move(f"update {branch} {tree.commit} {expected_tip}\n", "agent-dispatcher: land")
                break
            except GitFailed:
                tip = await self._branch_tip()
                if tip != expected_tip:
                    self._tip = tip
                    return Moved(tip=tip)
                if patience is None:
                    raise
                await asyncio.sleep(patience)
        self._tip = tree.commit
        self._stacking()[1].forget()
        failpoint("workspace.landed")
        return Landed(commit=tree.commit, tree=tree.tree)

    async def checkout_tip(self) -> Tree:
        """The branch's tip, checked out."""
        tip = self._tip = await self._branch_tip()
        return await self._checked_out(tip, tip, ())

    # --- when nobody is at work on the run (see ``agent_dispatcher.extension.upkeep``) -------------------------------

    async def lost_with(self, run: str, output: Path) -> Sequence[str]:
        """What is reachable from nothing but the run's own refs."""
        return await git_upkeep.lost_with(run, output)

    async def remove_run(self, run: str, output: Path) -> None:
        """Remove its worktrees, branch and refs."""
        await git_upkeep.remove_run(run, output)

    async def pack(self, run: str, output: Path, folder: Path) -> None:
        """A bundle of what no clone can have, and the notes about the run."""
        await git_moving.pack(run, output, folder)

    async def unpack(self, run: str, output: Path, folder: Path) -> None:
        """Take both into a clone; what was made for the run is made anew."""
        await git_moving.unpack(run, output, folder)

    # --- inside: start and end -------------------------------------------------------------------------------------

    async def _new_state(self, repository: Repository, made: bool, title: str) -> GitState:
        git, branch = self._calls(), f"dispatcher/{ref_part(self._run)}"
        code, _ = await git.ask("rev-parse", "--quiet", "--verify", f"refs/heads/{branch}")
        if code == 0:
            raise WorkspaceError(f"{repository.output} has a branch {branch} already: delete or rename it")
        base = repository.base
        if not base:
            objects = Objects(git)
            empty_tree = await objects.empty_tree()
            text = compose(f"Begin: {title}" if title else "Begin", [("Dispatcher-Run", self._run)])
            base = await objects.commit_tree(empty_tree, None, text)
        state = GitState(base=base, branch=branch, new=made, head=repository.head if made else "")
        self._save(state)
        return state

    def _save(self, state: GitState) -> None:
        repository = self._repository
        assert repository is not None
        save_state(self._state_file(repository.output, self._run), state)
        self._state = state

    async def _move(self, orders: str, why: str) -> None:
        """Move branches, if the run is still ours where it was claimed."""
        if self._ownership is not None:
            await self._ownership.move(orders, why=why)
        else:
            await self._calls()("update-ref", "-m", why, "--stdin", stdin=orders.encode())

    async def _branch_tip(self) -> str:
        branch = self._started()[1].branch
        return (await self._calls()("rev-parse", "--verify", f"refs/heads/{branch}^{{commit}}")).decode().strip()

    def _state_file(self, output: Path, run: str) -> Path:
        return output / OWN_FOLDER / "workspaces" / f"{ref_part(run)}.json"

    # --- inside: commits -------------------------------------------------------------------------------------------

    async def _keep(self, commit: str, opened: Opened) -> str:
        """Name the commit; an attempt that was sealed before keeps its ref, and this one gets the next."""
        ref = f"{self._ref_folder()}/{ref_part(opened.task or _NO_TASK)}/{opened.attempt}"
        for number in range(1, 100):
            name = ref if number == 1 else f"{ref}-{number}"
            try:
                await self._calls()("update-ref", name, commit, NO_COMMIT)
                return name
            except GitFailed:
                code, _ = await self._calls().ask("rev-parse", "--quiet", "--verify", name)
                if code != 0:
                    raise
        raise WorkspaceError(f"attempt {opened.attempt} of {opened.task} was sealed too often")

    async def _checked_out(self, commit: str, tip: str, changes: tuple[Change, ...]) -> Tree:
        about = await self._stacking()[0].commit(commit)
        landing = await self._landing_at(commit)
        return Tree(tree=about.tree, commit=commit, tip=tip, path=landing.path, changes=changes)

    async def _landing_at(self, commit: str) -> Worktree:
        """The landing worktree with exactly the files of ``commit``."""
        _, pool = self._parts()
        if self._landing is not None:
            pool.give_back(self._landing, index_at=None)
            self._landing = None
        self._landing = await pool.take(commit)
        return self._landing

    # --- inside: small things --------------------------------------------------------------------------------------

    def _with_own(self, trailers: Sequence[tuple[str, str]], opened: Opened) -> list[tuple[str, str]]:
        """``trailers``, with those that reconciling needs always there and always ours."""
        own = {"Dispatcher-Run": self._run}
        if opened.task:
            own |= {"Dispatcher-Task": opened.task, "Dispatcher-Attempt": str(opened.attempt)}
        return [*own.items(), *((key, value) for key, value in trailers if key not in own)]

    def _ref_folder(self) -> str:
        return f"refs/dispatcher/{ref_part(self._run)}"

    def _release(self, opened: Opened) -> Worktree:
        worktree = self._busy.pop(opened.path, None)
        if worktree is None:
            raise WorkspaceError(f"the folder of {opened.task}, attempt {opened.attempt}, was given back already")
        return worktree

    def _started(self) -> tuple[Repository, GitState]:
        if self._repository is None or self._state is None:
            raise WorkspaceError("the workspace was not started")
        return self._repository, self._state

    def _calls(self) -> Git:
        if self._git is None:
            raise WorkspaceError("the workspace was not started")
        return self._git

    def _stacking(self) -> tuple[Objects, Placing]:
        if self._objects is None or self._placing is None:
            raise WorkspaceError("the workspace was not started")
        return self._objects, self._placing

    def _parts(self) -> tuple[Git, WorktreePool]:
        if self._pool is None:
            raise WorkspaceError("the workspace was not started")
        return self._calls(), self._pool
