"""Keys in the environment, in configuration, in the keyring and in what models say: after runs with both interfaces, and behind a recording, none
of them is anywhere.

Everything is real: the SDKs, a model server over HTTP that does what it can to give keys away, agents that fail and agents that succeed with all they
know in what they say, a coding agent, an MCP server, git, the sandbox.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
import traceback
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from attrs import frozen

from agent_dispatcher import AgentDispatcher
from agent_dispatcher.agents import AgentContext, AgentResult, BaseAgent
from agent_dispatcher.cli import main
from agent_dispatcher.errors import SandboxUnavailable
from agent_dispatcher.extension import AgentType, LlmRequest, ToolCall, hookimpl
from agent_dispatcher.models import Artifact, ExecutionResult, Finding, Task
from agent_dispatcher.testing import ModelServer
from agent_dispatcher.testing.model_replies import Fails, Says
from agent_dispatcher.testing.model_server import Received
from agent_dispatcher_builtins.sandboxes.bubblewrap import Bubblewrap

pytestmark = [pytest.mark.sandbox, pytest.mark.timeout(300)]

#: By the name of the variable. The last three are named like nothing: configuration says what they are.
IN_ENVIRONMENT = {
    "OPENAI_API_KEY": "canary-openai-1f0a9d27c4",
    "ANTHROPIC_API_KEY": "canary-anthropic-77be01",
    "AWS_SECRET_ACCESS_KEY": "canary/aws+secret/9b8c7d6e5f",
    "GITHUB_TOKEN": "canary-github-0c1d2e3f4a",
    "DB_PASSWORD": 'canary "quoted" pass\\word 5',
    "CI_JOB_TOKEN": "canary-ci-8877665544",
    "CLIENT_SECRET": "canaryclientsecretwords",
    "SIGNING_KEY": "canary-Signing-4d3c2b1a",
    "GPG_PASSPHRASE": "canary phrase of five words",
    "NPM_AUTH_KEY": "canary-npm-a1b2c3d4e5",
    "DATABASE_URL": "canary-in-url-6a7b8c9d",
    "MODEL_ACCESS": "canary-access-openai-31337",
    "OTHER_ACCESS": "canary-access-anthropic-31338",
    "HOUSE_WORD": "canary-house-word-1234",
}
IN_CONFIGURATION = {
    "token": "canary-option-token-11aa22",
    "password": "canary-option-password-33bb",
    "webhook": "canary-webhook-55dd66ee77",
    "deep": "canary-deep-secret-88ff99",
    "facts": "canary-facts-token-12ab34",
    "hub": "canary-hub-token-56cd78",
}
#: Nobody but the backend that asks with it knows it, and the server that it is sent to.
IN_KEYRING = "canary-keyring-99aa00bb"
IN_REPLIES = (
    "sk-canary0123456789abcdefABCDEF",
    "sk-ant-api03-canary-0123456789abcdef-xyz",
    "sk_live_canary0123456789abcd",
    "ghp_canary0123456789abcdefghijABCDEFGHIJ",
    "github_pat_canary0123456789_abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH",
    "glpat-canary0123456789abcdef",
    "AKIACANARY0123456789",
    "AIzaCanary0123456789abcdefghijklmnopqrs",
    "xoxb-canary0123456789-abcdefghij",
    "hf_canary0123456789abcdefghijABCDEFGH",
    "npm_canary0123456789abcdefghijABCDEFGHIJ",
    "eyJjYW5hcnkwMTIz.eyJjYW5hcnkwMTIzNDU2.canary0123456789abcdef",
)
KNOWN = (*IN_ENVIRONMENT.values(), *IN_CONFIGURATION.values())
CANARIES = (*KNOWN, *IN_REPLIES)


def spelled(canary: str) -> tuple[bytes, ...]:
    """A key as it may stand in a text, in JSON, in JSON within JSON, in an address, and one that is known by its value in base64."""
    once, address = json.dumps(canary)[1:-1], quote(canary, safe="")
    forms = (canary, once, json.dumps(once)[1:-1], address, address.replace("%2F", "%2f"))
    return tuple({form.encode() for form in (*forms, *([encoded(canary)[:-4]] if canary in KNOWN else []))})


def encoded(text: str) -> str:
    """In base64."""
    return base64.b64encode(text.encode()).decode()


FORMS = [form for canary in (*CANARIES, IN_KEYRING) for form in spelled(canary)]


def found_in(data: bytes) -> list[str]:
    """The keys that stand in it."""
    return [form.decode() for form in FORMS if form in data]


@frozen(kw_only=True)
class CarelessOptions:
    token: str
    password: str
    webhook: str
    headers: Mapping[str, str]


class Careless(BaseAgent):
    """Looks at what its commands see, then fails with all it knows in its error."""

    def __init__(self, options: CarelessOptions) -> None:
        self.options = options

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        seen = await context.sandbox.run(["env"])
        context.workspace.write_text("environment.txt", seen.stdout)
        if task.id == "look":
            return AgentResult(status="done", summary=f"it has {seen.stdout.count('=')} variables")
        assert context.llm is not None
        known = f"src/made/none.py {self.options} {dict(os.environ)}"
        answer = await context.llm.complete(LlmRequest.of(known, max_output_tokens=2000))
        await context.sandbox.run(["echo", answer.text, known])
        raise RuntimeError(f"no access with {self.options} and {dict(os.environ)}")


class Talkative(Careless):
    """Succeeds, and says all it knows wherever it can say anything."""

    async def execute(self, task: Task, context: AgentContext) -> AgentResult:
        known = (
            f"with {self.options} and {json.dumps(dict(os.environ))} and {' '.join(map(encoded, KNOWN))} {IN_REPLIES}"
        )
        context.log.warning("it works %s", known)
        try:
            raise ValueError(known)
        except ValueError:
            context.log.exception("or not")
        context.progress(0.5, known)
        await context.bus.publish("known", {"all": [known], **dict(os.environ)}, durable=True)
        context.workspace.write_text("talk.txt", "done\n")
        found = Finding(path="talk.txt", line=1, rule="r", severity="low", what=known, quote=known)
        made = Artifact(name=known, type=known[:200], path="talk.txt", task=task.id, findings=(found,))
        return AgentResult(status="done", summary=f"it worked {known}", artifacts=(made,))


class Plugin:
    @hookimpl
    def dispatcher_agent_types(self) -> Iterator[AgentType]:
        for name, agent, type in (("careless", Careless, "odd_job"), ("talkative", Talkative, "talk")):
            yield AgentType(
                name=name,
                summary="Knows too much.",
                factory=lambda options, services, agent=agent: agent(options),
                options=CarelessOptions,
                task_types=[type],
                default_rank=0,
            )


#: An MCP server that says its token whatever it is asked.
SERVER = """
import os, sys
from mcp.server import MCPServer

server = MCPServer("facts")
print("starts with", os.environ["FACTS_TOKEN"], file=sys.stderr, flush=True)

@server.tool()
def lookup() -> str:
    "What is known of stores."
    return "DuckDB keeps one file " + os.environ["FACTS_TOKEN"]

server.run()
"""


class Ring:
    """The real package ``keyring`` with one key in memory."""

    def __init__(self) -> None:
        self.module = pytest.importorskip("keyring")
        base = pytest.importorskip("keyring.backend").KeyringBackend
        held = {
            "priority": 1.0,
            "get_password": lambda *asked: IN_KEYRING,
            "set_password": print,
            "delete_password": print,
        }
        self.before = self.module.get_keyring()
        self.module.set_keyring(type("InMemory", (base,), held)())

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self.module.set_keyring(self.before)


@frozen
class Left:
    """A run, and everything it left or showed."""

    backend: str
    result: ExecutionResult
    output: Path
    texts: Mapping[str, bytes]
    asked: tuple[Received, ...]


def gives_away(received: Received) -> str | Says | Fails:
    """The work, with every key in it that the server can name, in the code too until that is refused; now and then an error that quotes the key it was
    sent."""
    said = json.dumps(received.body)
    if "Which store keeps one file" in said:
        return researches(said)
    if "REFUSE" in said:
        return Fails(status=400, message=f"no: {' '.join(CANARIES[-20:])} {received.headers} {' '.join(CANARIES)}")
    wanted = re.search(r"src/made/(\w+)\.py", said)
    name = wanted[1] if wanted else "none"
    refused = "stands for a key" in said
    keys = "" if refused else "\n".join(f"# {key}" for key in (*CANARIES, str(dict(received.headers))))
    values = [] if refused else list(IN_REPLIES)
    return f"Use {' '.join(CANARIES)}.\nFILE: src/made/{name}.py\n```\n{keys}\n\n\ndef {name}():\n    return {values!r}\n```\n"


def researches(said: str) -> str | Says:
    """Asks the MCP server, then answers from what it said."""
    name = re.search(r"docs/research/sources/[\w./-]+?\.txt", said)
    if name is None:
        tool = re.search(r'"(facts_\w+)"', said)
        return Says(tool_calls=[ToolCall(id="1", name=tool[1], arguments="{}")]) if tool else "nothing"
    if '"tools"' in said:
        return "enough"
    claim = {"claim": "One file.", "option": "", "criterion": "", "source": name[0], "quote": "DuckDB keeps one file"}
    return json.dumps({"claims": [claim], "conclusion": "", "because": [], "open": []})


def task(name: str, more: str = "", **fields: Any) -> dict[str, Any]:
    produces = [{"type": "path", "name": f"src/made/{name}.py"}]
    text = f"The function {name} returns a list of texts. {more}"
    return {
        "id": name,
        "title": f"Write {name}",
        "description": text,
        "type": "code_writing",
        "produces": produces,
        **fields,
    }


def configured(backend: str, server: ModelServer, base: Path) -> dict[str, Any]:
    key = {"api_key_keyring": "models:me"} if backend == "recorded" else {"api_key_env": "MODEL_ACCESS"}
    careless = {
        "token": IN_CONFIGURATION["token"],
        "password": IN_CONFIGURATION["password"],
        "webhook": f"https://team:{IN_CONFIGURATION['webhook']}@hooks.example/in",
        "headers": {"x-api-key": IN_CONFIGURATION["deep"]},
    }
    facts = {"command": [sys.executable, str(base / "server.py")], "env": {"FACTS_TOKEN": IN_CONFIGURATION["facts"]}}
    pushing = "cat > /dev/null; echo hello > note.md; echo pushed with $HUB_TOKEN; echo pushed with $HUB_TOKEN >&2"
    return {
        "use": {"llm": backend, "sandbox": "auto", "workspace": "git", "agent_types": ["...", "command-line"]},
        "options": {
            "llm:recorded": {"file": str(base / "recording.jsonl"), "backend": "openai", "mode": "record"},
            "llm:openai": {"base_url": server.base_url, "model": "m", **key},
            "llm:anthropic": {"base_url": server.origin, "model": "m", "api_key_env": "OTHER_ACCESS"},
            "agent_type:code-writer": {"rounds": 2},
            "agent_type:careless": careless,
            "agent_type:talkative": careless,
            "agent_type:researcher": {"mcp": {"facts": {**facts, "tools": ["lookup"]}}},
            "agent_type:command-line": {
                "command": ["/bin/sh", "-c", pushing],
                "env": {"HUB_TOKEN": IN_CONFIGURATION["hub"]},
            },
        },
        "provenance": {"secrets": ["HOUSE_WORD", "MODEL_ACCESS"] if backend == "recorded" else ["HOUSE_WORD"]},
        "max_parallel_agents": 4,
        "coordinator": {"max_attempts": 1},
    }


@pytest.fixture(scope="module", params=["openai", "anthropic", "recorded"])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Left]:
    """A run in which models, agents and commands are as careless as they can be, looked at in every way there is."""
    backend = str(request.param)
    pytest.importorskip("openai" if backend == "recorded" else backend)
    pytest.importorskip("mcp")
    try:
        asyncio.run(Bubblewrap().probe())
    except SandboxUnavailable as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))
    base = tmp_path_factory.mktemp(f"secrets-{backend}")
    output, log = base / "output", io.StringIO()
    handler = logging.StreamHandler(log)
    root = logging.getLogger()
    (base / "folder").mkdir()
    (base / "folder" / "server.py").write_text(SERVER)
    with pytest.MonkeyPatch.context() as patch, ModelServer(gives_away) as server, Ring():
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            patch.setenv(name, str(base / name.lower()))
        for name, canary in IN_ENVIRONMENT.items():
            patch.setenv(name, f"postgres://app:{canary}@db.example/x" if name == "DATABASE_URL" else canary)
        tasks = [
            task("one"),
            task("two"),
            task("refused", "REFUSE"),
            task("look", type="odd_job", produces=[]),
            task("careless", type="odd_job", produces=[]),
            task("talk", type="talk", produces=[]),
            task("push", type="documentation", agent_type="command-line", produces=[]),
            task("q", type="research", produces=[{"type": "path", "name": "docs/research/q.md"}]),
        ]
        tasks[-1]["title"] = "Which store keeps one file?"
        before = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            dispatcher = AgentDispatcher(configured(backend, server, base / "folder"), plugins=[("careless", Plugin())])
            result = dispatcher.execute(dispatcher.plan_tasks(tasks), output=output)
            checkpoint = dispatcher.checkpoint(result.run, output, base / "checkpoint.zip")
            shown = [
                _printed("explain", result.run, each["id"], "--said", *more)
                for each in tasks
                for more in ((), ("--json",))
            ]
            shown += [_printed(verb, result.run) for verb in ("timeline", "status", "report")]
            raised = _traceback_of_planning(dispatcher, base)
        finally:
            root.removeHandler(handler)
            root.setLevel(before)
        texts = {"log": log.getvalue().encode(), "printed": "\n".join(shown).encode(), "traceback": raised.encode()}
        texts.update(_files(base))
        with zipfile.ZipFile(checkpoint) as archive:
            texts.update({f"checkpoint {name}": archive.read(name) for name in archive.namelist()})
        yield Left(backend, result, output, texts, tuple(server.requests))


def _printed(*words: str) -> str:
    """What a command prints."""
    text = io.StringIO()
    with (
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
        contextlib.suppress(SystemExit),
    ):
        main(list(words))
    return text.getvalue()


def _traceback_of_planning(dispatcher: AgentDispatcher, base: Path) -> str:
    """An error of the model's server while planning, with everything it was raised from."""
    llm = dispatcher._planning_llm(None, fresh=True)
    assert llm is not None
    try:
        asyncio.run(llm.complete(LlmRequest.of("REFUSE", max_output_tokens=10)))
    except Exception:
        return traceback.format_exc()
    raise AssertionError("the server did not refuse")


def _files(base: Path) -> Iterator[tuple[str, bytes]]:
    """Every byte below: files, databases row by row, every object of the repository."""
    for path in sorted(base.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield str(path.relative_to(base)), path.read_bytes()
            if path.suffix == ".db":
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
                    yield f"{path.relative_to(base)} rows", "\n".join(database.iterdump()).encode()
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    yield "git objects", subprocess.run(command, cwd=base / "output", capture_output=True, check=True).stdout


def test_there_are_more_than_thirty_keys() -> None:
    """All different, in four places."""
    assert len({*CANARIES, IN_KEYRING}) == len(CANARIES) + 1 == 33


def test_no_key_is_anywhere(left: Left) -> None:
    """Not in a log, an event, the database (rows and bytes), a text of a prompt or reply, an artifact, a report, a traceback, a checkpoint, or printed."""
    assert {name: found for name, data in left.texts.items() if (found := found_in(data))} == {}


def test_no_key_is_told_to_the_model(left: Left) -> None:
    """What is sent holds none, though an agent told all it knew; the key for the server goes in its header alone."""
    held = {"openai": "MODEL_ACCESS", "anthropic": "OTHER_ACCESS"}
    own = IN_KEYRING if left.backend == "recorded" else IN_ENVIRONMENT[held[left.backend]]
    assert [found for one in left.asked if (found := found_in(json.dumps(one.body).encode()))] == []
    for one in left.asked:
        sent = json.dumps(dict(one.headers))
        assert own in sent
        assert found_in(sent.replace(own, "").encode()) == []


def test_keys_were_really_there_to_be_found(left: Left) -> None:
    """Otherwise nothing would be proved: the model wrote keys into code until that was refused, commands ran, agents talked, the server refused."""
    statuses = {each.id: each.status for each in left.result.task_results}
    assert statuses == {
        "one": "completed",
        "two": "completed",
        "refused": "failed",
        "look": "completed",
        "careless": "failed",
        "talk": "completed",
        "push": "completed",
        "q": "completed",
    }
    code = subprocess.run(
        ["git", "show", f"{left.result.commit}:src/made/two.py"], cwd=left.output, capture_output=True, check=True
    ).stdout
    assert b"<secret>" not in code and b"def two():\n    return []" in code
    told = [json.dumps(one.body) for one in left.asked if "stands for a key" in json.dumps(one.body)]
    assert any(text.count("<secret>") > len(IN_REPLIES) for text in told)
    errors = {each.id: each.error or "" for each in left.result.task_results}
    assert "<secret>" in errors["careless"] and "no access with" in errors["careless"]
    assert "no:" in errors["refused"]
    assert "<secret>" in left.texts["traceback"].decode()[-900:], left.texts["traceback"].decode()[-900:]
    log = ["git", "log", "--format=%B", str(left.result.commit)]
    messages = subprocess.run(log, cwd=left.output, capture_output=True, check=True, text=True).stdout
    assert "pushed with <secret>" in messages and "it worked with CarelessOptions(token='<secret>'" in messages
    assert (
        b"it works with CarelessOptions(token='<secret>'" in left.texts["log"]
        and b"ValueError: with" in left.texts["log"]
    )
    kept = ["git", "grep", "-h", "keeps one file", str(left.result.commit), "--", "docs/research/sources"]
    assert (
        "one file <secret>" in subprocess.run(kept, cwd=left.output, capture_output=True, check=True, text=True).stdout
    )
    rows = next(data for name, data in left.texts.items() if name.endswith(" rows") and b"known" in data)
    assert b'"topic": "known"' in rows.replace(b'":"', b'": "')
    assert b"<secret>" in left.texts["printed"] and b"PATH=" in left.texts["printed"]


def test_commands_see_no_variable_of_the_user(left: Left) -> None:
    """The environment inside the sandbox, as a command in it printed it, has none of the names either."""
    seen = subprocess.run(
        ["git", "show", f"{left.result.commit}:environment.txt"], cwd=left.output, capture_output=True, check=True
    ).stdout.decode()
    names = {line.partition("=")[0] for line in seen.splitlines()}
    assert "PATH" in names
    assert names & set(IN_ENVIRONMENT) == set()
