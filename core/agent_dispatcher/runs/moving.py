"""Runs that move: a recorded run becomes one file, and a file a run that can be resumed here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import asdict

from ..codec import from_json
from ..config import Config
from ..errors import ConfigError, Problem, UsageError
from ..extension.registry import Components, Registry
from ..models import ExecutionPlan
from .checkpoint_file import Checkpoint, OpenCheckpoint, read_checkpoint
from .checkpoints import Packing, Target, pack_run, unpack_run
from .index import STATE_FOLDER, remember_run
from .records import Records

__all__ = ["Mover", "configuration_of"]

log = logging.getLogger(__name__)

_KINDS = ("store", "executor", "workspace", "sandbox", "llm", "message_bus")


def configuration_of(config: Config, registry: Registry) -> dict[str, Any]:
    """What is configured and matters to whoever goes on with a run elsewhere. Options of components are not in it: they may hold keys."""
    return {
        "use": {kind: registry.one(kind) for kind in _KINDS},
        "coordinator": asdict(config.coordinator),
        "agent_factory": asdict(config.agent_factory),
        "plugins": registry.fingerprint(),
    }


class Mover:
    """Packs and unpacks runs.

    Args:
        registry: says which components are used.
        records: finds runs.
    """

    def __init__(self, registry: Registry, records: Records) -> None:
        self._registry = registry
        self._records = records

    async def pack(self, run: str | None, output: str | Path | None = None, to: Path | None = None) -> Path:
        """Write a checkpoint of a recorded run, whether somebody is at work on it or not.

        Args:
            run, output: which run, as in :meth:`Records.find`.
            to: the file; ``None`` for one in the run's own folder of checkpoints.

        Returns:
            The file.

        Raises:
            UsageError: there is no such run.
            OSError: the file cannot be written.
        """
        found = self._records.find(run, output)
        data = found.output / STATE_FOLDER
        points = data / self._registry.config.state_manager.checkpoint_dir
        path = to or points / f"{found.run}-{found.events[-1].seq:08d}.zip"
        scope, store = self._registry.scope(data), self._records.open(found.output)
        try:
            packing = Packing(
                run=found.run,
                output=found.output,
                run_dir=data / "runs" / found.run,
                store=store,
                workspace=self._workspace(scope),
                workspace_name=self._registry.one("workspace") or "",
                configuration=configuration_of(self._registry.config, self._registry),
            )
            await pack_run(packing, found.events, path)
        finally:
            store.close()
            await scope.aclose()
        return path

    async def unpack(self, file: Path, output: str | Path | None = None) -> tuple[str, Path]:
        """Make a run out of a checkpoint file, such that it can be resumed here.

        Args:
            output: where; ``None`` for ``./<id of the specification>``, as for a new run.

        Returns:
            The run's id and its output.

        Raises:
            StoreError: the file is damaged, none, or of a newer version.
            UsageError: the run is there already.
            ConfigError: the run works in another workspace than is active here.
            WorkspaceError: the output cannot take the work.
        """
        with read_checkpoint(file) as opened:
            about = opened.about
            folder = Path(output).resolve() if output is not None else _own_folder(file, opened)
            active = self._registry.one("workspace") or ""
            if about.workspace != active:
                raise ConfigError(
                    Problem(
                        f"run {about.run} works in the workspace {about.workspace!r}, here {active!r} is active",
                        where=str(file),
                        remedy=f"set workspace = {about.workspace!r} in [use]",
                    )
                )
            for text in self._differences(about):
                log.warning("%s: %s", file, text)
            data = folder / STATE_FOLDER
            scope = self._registry.scope(data)
            try:
                target = Target(
                    output=folder,
                    run_dir=data / "runs" / about.run,
                    workspace=self._workspace(scope),
                    open_store=lambda: self._records.open(folder),
                    known=data.is_dir(),
                )
                await unpack_run(opened, target)
            finally:
                await scope.aclose()
        remember_run(about.run, folder, about.title)
        return about.run, folder

    def _workspace(self, scope: Components) -> object:
        name = self._registry.one("workspace")
        if name is None:
            raise ConfigError(
                Problem("no workspace is active", remedy="install or enable a plugin that offers a workspace")
            )
        workspace: object = scope.get("workspace", name)
        return workspace

    def _differences(self, about: Checkpoint) -> list[str]:
        """What is otherwise here than where the run comes from, and may matter."""
        there = about.configuration.get("plugins")
        here = self._registry.fingerprint()
        if not isinstance(there, Mapping):
            return []
        lacking = sorted(key for key in there if key not in here)
        others = sorted(key for key in there if key in here and here[key] != there[key])
        texts = [f"the plugin {key} was in use there and is not here" for key in lacking]
        return [*texts, *(f"the plugin {key} is {here[key]} here and was {there[key]} there" for key in others)]


def _own_folder(file: Path, opened: OpenCheckpoint) -> Path:
    """Where a new run of the same plan would go."""
    digest = str(opened.contents.events[0].data.get("plan", ""))
    blob = opened.contents.blobs.get(digest)
    if blob is None:
        raise UsageError(f"{file} holds no plan: it cannot be resumed")
    plan = from_json(blob, ExecutionPlan, where=f"{file}: the plan")
    return Path(plan.specification.id or "output").resolve()
