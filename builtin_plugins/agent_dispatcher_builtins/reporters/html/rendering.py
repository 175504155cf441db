"""The pages as HTML. Everything is escaped, and each page itself forbids what it does not need.

The policy allows one style sheet and at most one script, each by its hash, and nothing else: no picture, no font, no address to load from or to send to.
Jinja2 is imported when the first page is rendered.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

    from .page import Page
    from .plan_page import PlanPage

__all__ = ["render", "render_plan"]


def render(page: Page) -> str:
    """The report of a run."""
    return _render("report.html.jinja", page, _file("report.css"))


def render_plan(page: PlanPage) -> str:
    """The page of a plan, with the script that searches and folds it."""
    style = _file("report.css") + _file("plan.css")
    return _render("plan.html.jinja", page, style, _file("plan.js"))


def _render(template: str, page: Page | PlanPage, style: str, script: str = "") -> str:
    from markupsafe import Markup

    policy = f"default-src 'none'; style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"
    if script:
        policy += f"; script-src '{_hash(script)}'"
    # Our own files are the only text that is not escaped.
    return _environment().get_template(template).render(
        page=page, policy=policy, style=Markup(style), script=Markup(script)
    )  # fmt: skip


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["data"] = _data
    return environment


def _data(value: object) -> str:
    """A JSON data block: nothing in it can end the element that holds it."""
    from markupsafe import Markup

    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
