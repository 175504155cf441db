"""Offers of the builtin reporters."""

from __future__ import annotations

from collections.abc import Iterable

from agent_dispatcher.extension import Component, Services, hookimpl


def _json(options: None, services: Services) -> object:
    from .json_report import JsonReporter

    return JsonReporter()


def _markdown(options: None, services: Services) -> object:
    from .markdown_report import MarkdownReporter

    return MarkdownReporter()


def _html(options: None, services: Services) -> object:
    from .html.reporter import HtmlReporter

    return HtmlReporter()


class JsonReport:
    """``result.json``."""

    @hookimpl
    def dispatcher_reporters(self) -> Iterable[Component]:
        yield Component("json", "Writes result.json, the stable document for other tools.", _json, default_rank=10)


class MarkdownReport:
    """``report.md``."""

    @hookimpl
    def dispatcher_reporters(self) -> Iterable[Component]:
        yield Component("markdown", "Writes report.md, to be read by people.", _markdown, default_rank=20)


class HtmlReport:
    """``report.html``."""

    @hookimpl
    def dispatcher_reporters(self) -> Iterable[Component]:
        yield Component(
            "html",
            "Writes report.html, one page with graph and timeline that needs no network.",
            _html,
            default_rank=30,
        )


json = JsonReport()
markdown = MarkdownReport()
html = HtmlReport()
