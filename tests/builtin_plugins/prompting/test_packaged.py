"""Every prompt can be read, written out, replaced and extended; one that is wrong is said before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from agent_dispatcher.config import load_config
from agent_dispatcher.errors import ConfigError, UsageError
from agent_dispatcher.extension.registry import Registry
from agent_dispatcher_builtins import default_plugins
from agent_dispatcher_builtins.agents.by_model.briefing import SAMPLE
from agent_dispatcher_builtins.agents.code_writer.acceptance import CodeWriterOptions
from agent_dispatcher_builtins.agents.tester.acceptance import TesterOptions
from agent_dispatcher_builtins.prompting.hooks import prompts
from agent_dispatcher_builtins.prompting.packaged import PACKAGED, packaged


def registry(options: dict[str, Any] | None = None) -> Registry:
    """The builtins, with options for agent types."""
    return Registry(
        load_config(overrides={"options": options or {}}, use_files=False), default_plugins(), discover=False
    )


def test_each_names_an_option_that_exists_and_the_values_it_gets() -> None:
    """The component that is named has the option, and every template says what it is rendered with."""
    known = registry()
    for each in PACKAGED:
        kind, _, name = each.component.partition(":")
        assert hasattr(known.options(kind, name), each.option), each.name
        assert each.values, each.name


def test_the_sample_has_every_value_that_is_documented() -> None:
    """What the first line of a template lists is what it is rendered with: nothing more, nothing less that it shows."""
    for name in ("code.jinja", "tests.jinja"):
        listed = {word.strip(" .") for word in packaged(name).values.split(",")}
        assert listed <= SAMPLE.keys(), name


def test_a_template_is_tried_when_the_configuration_is_read(tmp_path: Path) -> None:
    """A variable that is not there is a problem with file and line, found with the other problems of configuration."""
    own = tmp_path / "own.jinja"
    own.write_text('{% extends "code.jinja" %}\n{% block system %}\n{{ super() }}{{ password }}\n{% endblock %}\n')
    (problem,) = registry({"agent_type:code-writer": {"template": str(own)}}).problems()
    assert f"{own}:3" in str(problem)
    assert "password" in str(problem)
    for options, option in ((TesterOptions, "template"), (TesterOptions, "review_template")):
        with pytest.raises(ConfigError, match=f"remove option {option}"):
            options(**{option: own})
    assert CodeWriterOptions().template is None


def test_a_block_can_be_replaced(tmp_path: Path) -> None:
    """What extends a packaged prompt keeps the rest of it; the values stay data."""
    own = tmp_path / "own.jinja"
    own.write_text('{% extends "tests.jinja" %}\n{% block system %}\n{{ super() }}5. Use no mocks.\n{% endblock %}\n')
    prompt = packaged("tests.jinja").load(own)
    values = {**SAMPLE, "requirements": "{{ 7 * 7 }}"}
    assert prompt.render("system", values).endswith("5. Use no mocks.")
    assert "{{ 7 * 7 }}" in prompt.render("request", values)


def test_the_defaults_are_written_out_and_work(tmp_path: Path) -> None:
    """What the command writes is what is packaged, can be named as an option as it is, and is never overwritten."""
    (command,) = prompts.dispatcher_commands()
    done = CliRunner().invoke(command, ["--write", str(tmp_path / "prompts")])
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "prompts").iterdir()} == {each.name for each in PACKAGED}
    own = CodeWriterOptions(template=tmp_path / "prompts" / "code.jinja").template
    assert own is not None
    again = packaged("code.jinja").load(own)
    assert again.render("request", SAMPLE) == packaged("code.jinja").load().render("request", SAMPLE)
    refused = CliRunner().invoke(command, ["--write", str(tmp_path / "prompts")])
    assert isinstance(refused.exception, UsageError)
    assert "is there already" in str(refused.exception)


def test_they_can_be_listed_and_printed() -> None:
    """The list says where each is replaced and what it gets; a name prints the template; an unknown one names the known."""
    (command,) = prompts.dispatcher_commands()
    listed = CliRunner().invoke(command, []).output
    assert (
        'review.jinja: reviews finished work\n  replaced by review_template in [options."agent_type:tester"]' in listed
    )
    assert CliRunner().invoke(command, ["code.jinja"]).output == packaged("code.jinja").text
    assert "there are decompose.jinja" in str(CliRunner().invoke(command, ["cod.jinja"]).exception)
