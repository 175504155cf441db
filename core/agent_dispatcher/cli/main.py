"""The top of the command line: which commands there are, and how errors leave the program."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from ..errors import DispatcherError

__all__ = ["cli", "main"]

#: command -> (module, one line of help). Listed here so that ``--help`` imports none of them.
COMMANDS = {
    "plan": ("plan", "Show what would be done for a specification, and in which order."),
    "validate": ("plan", "Say everything that stands in the way of running a specification or plan."),
    "explain": ("explain", "Say why a task waits for another, or may run beside it, and what costs the most time."),
    "diff": ("diff", "Compare two plans: what a changed specification changes."),
    "convert": ("convert", "Write the plan of a specification in another format."),
    "graph": ("plan", "Print the graph of a specification, plan or run."),
    "run": ("run", "Turn a specification (or a plan) into verified, working code."),
    "resume": ("run", "Go on with a run that was interrupted."),
    "retry": ("retry", "Take up the failed tasks of a run again, and what was blocked by them."),
    "pause": ("control", "Ask a run that is at work to pause."),
    "cancel": ("control", "Ask a run that is at work to give up."),
    "approve": ("approve", "Approve (or refuse) what waits for you in a run, and go on with it."),
    "patch": ("patch", "Change the plan of a run: add, remove, split and re-route tasks."),
    "runs": ("runs", "List runs."),
    "checkpoint": ("checkpoint", "Write all of a run into one file, to resume it elsewhere."),
    "status": ("runs", "Show where a run stands."),
    "report": ("runs", "Print the report of a run."),
    "replay": ("replay", "Carry a run out again from its log, and show it as it was at any moment."),
    "timeline": ("timeline", "Show who did what when in a run, what waited for what, and where the time went."),
    "metrics": ("metrics", "Show throughput, waits, retries and costs of runs, by requirement, agent type and model."),
    "plugins": ("plugins", "List, show and examine plugins."),
    "trust": ("trust", "Trust the configuration file of a project."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; plugins' commands are asked for last."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            module = import_module(f".{COMMANDS[name][0]}", __package__)
            command: click.Command = getattr(module, name)
            return command
        return _plugin_command(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            close = get_close_matches(args[0], COMMANDS, n=2)
            if not close:
                raise
            raise click.UsageError(f"{error.message} Did you mean {' or '.join(close)}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])
        formatter.write_paragraph()
        formatter.write_text(
            "Plugins may bring further commands: 'plugins list' names them, 'plugins show NAME' says what one offers."
        )


def _plugin_command(name: str) -> click.Command | None:
    """A command that a plugin offers. Only here does an unknown word load plugins."""
    from ..config import load_config
    from ..extension.registry import Registry

    for command in Registry(load_config()).commands():
        if command.name == name:
            return command
    return None


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agent-dispatcher", message="%(version)s")
@click.option("--debug", is_flag=True, help="Show tracebacks and the log.")
def cli(debug: bool) -> None:
    """Turn a finished specification into verified, working code.

    Exit codes: 0 completed; 1 a task failed, or the run is partial; 2 usage; 3 the specification, configuration or plan is
    refused; 4 stopped by a budget; 5 paused, or waiting only for approvals; 130 or 143 interrupted (resumable).
    """
    import logging

    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(relativeCreated)8.0f %(name)s: %(message)s")
    elif logging.lastResort is not None:  # what is said where no log is kept, in the middle of a display perhaps
        logging.lastResort.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))


def main(argv: list[str] | None = None) -> None:
    """Run the command line and exit.

    Every error of this package becomes one message on stderr and its exit code; ``--debug`` adds the traceback. Anything else is a fault
    of the program and says so.
    """
    arguments = sys.argv[1:] if argv is None else argv
    debug = "--debug" in arguments
    try:
        status: Any = cli.main(args=arguments, prog_name="agent-dispatcher", standalone_mode=False)
    except click.exceptions.Abort:
        _leave("interrupted", 130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except DispatcherError as error:
        if debug:
            raise
        _leave(f"error: {error}", error.exit_code)
    except KeyboardInterrupt:
        _leave("interrupted", 130)
    except BrokenPipeError:
        # The reader of our output went away (``| head``): nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if debug:
            raise
        _leave(f"error: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", 3)
    except Exception as error:
        if debug:
            raise
        _leave(
            f"internal error: {type(error).__name__}: {error}\n"
            "This is a fault of agent-dispatcher or of a plugin: run again with --debug and report what it shows.",
            70,
        )
    sys.exit(status if isinstance(status, int) else 0)


def _leave(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)
