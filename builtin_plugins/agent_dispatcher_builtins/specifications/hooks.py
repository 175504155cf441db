"""Offers the builtin specification formats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agent_dispatcher.extension import Component, hookimpl

__all__ = ["beads", "finalized", "kiro", "markdown", "native", "openspec", "spec_kit", "spec_kitty", "task_master"]


class _Native:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        yield Component(
            "native", "Requirements with behaviour as data, in YAML, JSON or Markdown.", _native, default_rank=10
        )


def _native(options: None, services: Any) -> Any:
    from .native import NativeFormat

    return NativeFormat()


native = _Native()


class _SpecKit:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .spec_kit.options import SpecKitOptions

        yield Component(
            "spec-kit",
            "Feature folders of spec-kit: spec.md, plan.md and tasks.md.",
            _spec_kit,
            options=SpecKitOptions,
            default_rank=20,
        )


def _spec_kit(options: Any, services: Any) -> Any:
    from .spec_kit.format import SpecKitFormat

    return SpecKitFormat(options)


spec_kit = _SpecKit()


class _TaskMaster:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .task_master.options import TaskMasterOptions

        yield Component(
            "task-master",
            "Task lists of Task Master: tasks.json, flat or with tags.",
            _task_master,
            options=TaskMasterOptions,
            default_rank=30,
        )


def _task_master(options: Any, services: Any) -> Any:
    from .task_master.reader import TaskMasterFormat

    return TaskMasterFormat(options)


task_master = _TaskMaster()


class _Finalized:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .finalized.options import FinalizedOptions

        yield Component(
            "finalized",
            "The output of a refinement session, in YAML or JSON.",
            _finalized,
            options=FinalizedOptions,
            default_rank=40,
        )


def _finalized(options: Any, services: Any) -> Any:
    from .finalized.reader import FinalizedFormat

    return FinalizedFormat(options)


finalized = _Finalized()


class _Beads:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .beads.options import BeadsOptions

        yield Component(
            "beads",
            "Issues of Beads: .beads/issues.jsonl, one a line.",
            _beads,
            options=BeadsOptions,
            default_rank=60,
        )


def _beads(options: Any, services: Any) -> Any:
    from .beads.reader import BeadsFormat

    return BeadsFormat(options)


beads = _Beads()


class _SpecKitty:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .spec_kit.options import SpecKitOptions

        yield Component(
            "spec-kitty",
            "Missions of Spec Kitty: spec.md, plan.md and a file for each work package.",
            _spec_kitty,
            options=SpecKitOptions,
            default_rank=25,
        )


def _spec_kitty(options: Any, services: Any) -> Any:
    from .spec_kitty.reader import SpecKittyFormat

    return SpecKittyFormat(options)


spec_kitty = _SpecKitty()


class _Markdown:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        yield Component(
            "markdown",
            "Any Markdown document with headings, requirements and check lists; taken when no other format knows it.",
            _markdown,
            default_rank=90,
        )


def _markdown(options: None, services: Any) -> Any:
    from .markdown.reader import MarkdownFormat

    return MarkdownFormat()


markdown = _Markdown()


class _Kiro:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .kiro.options import KiroOptions

        yield Component(
            "kiro",
            "Specifications of Kiro and cc-sdd: requirements.md, design.md and tasks.md.",
            _kiro,
            options=KiroOptions,
            default_rank=50,
        )


def _kiro(options: Any, services: Any) -> Any:
    from .kiro.format import KiroFormat

    return KiroFormat(options)


kiro = _Kiro()


class _OpenSpec:
    @hookimpl
    def dispatcher_specification_formats(self) -> Iterator[Component]:
        from .openspec.options import OpenSpecOptions

        yield Component(
            "openspec",
            "Changes of OpenSpec: proposal.md, tasks.md and the deltas below specs/.",
            _openspec,
            options=OpenSpecOptions,
            default_rank=60,
        )


def _openspec(options: Any, services: Any) -> Any:
    from .openspec.format import OpenSpecFormat

    return OpenSpecFormat(options)


openspec = _OpenSpec()
