"""Every builtin reporter passes the suite that authors of reporters use."""

from __future__ import annotations

from typing import ClassVar

from agent_dispatcher.extension.components import Reporter
from agent_dispatcher.testing import ReporterContract
from agent_dispatcher_builtins.reporters.html.reporter import HtmlReporter
from agent_dispatcher_builtins.reporters.json_report import JsonReporter
from agent_dispatcher_builtins.reporters.markdown_report import MarkdownReporter


class TestJsonReporter(ReporterContract):
    def make_reporter(self) -> Reporter:
        return JsonReporter()


class TestMarkdownReporter(ReporterContract):
    def make_reporter(self) -> Reporter:
        return MarkdownReporter()


class TestHtmlReporter(ReporterContract):
    markup: ClassVar[bool] = True

    def make_reporter(self) -> Reporter:
        return HtmlReporter()
