"""What ``docs/backends.md`` says about configuration is what the backends take."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import attrs
import pytest
from markdown_it import MarkdownIt

from agent_dispatcher.config import load_config
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher_builtins.llm_backends import hooks
from agent_dispatcher_builtins.llm_backends.options import (
    AnthropicOptions,
    LocalOptions,
    OpenAIOptions,
    RecordedOptions,
    ServerOptions,
)

PAGE = (Path(__file__).parents[3] / "docs" / "backends.md").read_text(encoding="utf-8")
COSTS = (Path(__file__).parents[3] / "docs" / "costs.md").read_text(encoding="utf-8")
TABLES = [
    token.content
    for page in (PAGE, COSTS)
    for token in MarkdownIt().parse(page)
    if token.type == "fence" and token.info == "toml"
]
PLUGINS = [(name, getattr(hooks, name)) for name in hooks.__all__]


@pytest.mark.parametrize("text", TABLES)
def test_a_configuration_on_the_page_is_accepted(text: str) -> None:
    """Copied as it stands, it is no problem for the backends."""
    config = load_config(overrides=tomllib.loads(text), env={}, use_files=False)
    assert Registry(config, PLUGINS, discover=False).problems() == ()


def test_every_option_is_on_the_page() -> None:
    """No option of a backend is forgotten, and each default that the page states is the one that holds."""
    for options in (AnthropicOptions, OpenAIOptions, LocalOptions, RecordedOptions):
        assert [
            each.name
            for each in attrs.fields(options)
            if f"`{each.name}`" not in PAGE and f"\n{each.name} = " not in PAGE
        ] == []
    stated = re.search(r"\| `connect_s`, `first_byte_s`, `idle_s`, `total_s` \| ([\d, ]+) \|", PAGE)
    assert stated is not None
    names = ("connect_s", "first_byte_s", "idle_s", "total_s")
    assert [float(each) for each in stated[1].split(",")] == [
        attrs.fields_dict(ServerOptions)[name].default for name in names
    ]
    for name in ("first_byte_s", "idle_s", "total_s"):
        assert f"`{name}` {attrs.fields_dict(LocalOptions)[name].default:g}" in PAGE
