"""Stores, workspaces, executor, bus and sandboxes pass the suites that their authors use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from agent_dispatcher.coordination.message_bus import MessageBus
from agent_dispatcher.extension.components import Executor, Sandbox, Store, Workspace
from agent_dispatcher.testing import (
    ExecutorContract,
    MessageBusContract,
    SandboxContract,
    StoreContract,
    WorkspaceContract,
)
from agent_dispatcher_builtins.executors.local import LocalExecutor
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap
from agent_dispatcher_builtins.sandboxes.reduced import Reduced
from agent_dispatcher_builtins.sandboxes.unprotected import Unprotected
from agent_dispatcher_builtins.stores.sql import SqlStore
from agent_dispatcher_builtins.workspaces.folders import FolderWorkspace
from agent_dispatcher_builtins.workspaces.git import GitWorkspace


class TestSqlStore(StoreContract):
    def make_store(self, data_dir: Path) -> Store:
        return SqlStore(data_dir)

    def make_newer(self, data_dir: Path) -> bool:
        with closing(sqlite3.connect(data_dir / "state.db")) as connection:
            connection.execute("PRAGMA user_version = 99")
        return True


class TestGitWorkspace(WorkspaceContract):
    def make_workspace(self) -> Workspace:
        return GitWorkspace()


class TestFolderWorkspace(WorkspaceContract):
    keeps_history: ClassVar[bool] = False

    def make_workspace(self) -> Workspace:
        return FolderWorkspace()


class TestLocalExecutor(ExecutorContract):
    def make_executor(self) -> Executor:
        return LocalExecutor()


class TestLocalBus(MessageBusContract):
    def make_bus(self) -> MessageBus:
        return MessageBus()


@pytest.mark.sandbox
class TestBubblewrap(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Bubblewrap()


@pytest.mark.sandbox
class TestReduced(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Reduced()


class TestUnprotected(SandboxContract):
    def make_sandbox(self) -> Sandbox:
        return Unprotected()
