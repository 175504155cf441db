"""The page as HTML. Everything is escaped, and the page itself forbids what it does not need.

The policy allows one style sheet, by its hash, and nothing else: no script, no picture, no font, no address to load from or to send to.
Jinja2 is imported when the first page is rendered.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

    from .page import Page

__all__ = ["render"]


def render(page: Page) -> str:
    """The whole document."""
    css = _style()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return _environment().get_template("report.html.jinja").render(page=page, policy=policy)


@cache
def _style() -> str:
    return files(__package__).joinpath("templates", "report.css").read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["style"] = Markup(_style())  # our own file, the only text that is not escaped
    return environment
