"""Keys are taken out of texts, and what is no key is left alone."""

from __future__ import annotations

import base64
import html
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from agent_dispatcher.config import Config
from agent_dispatcher.config.sections import ProvenanceSettings
from agent_dispatcher.extension import ChatMessage, LlmReply, LlmRequest, Tool
from agent_dispatcher.extension.llm import ToolCall
from agent_dispatcher.provenance import SECRET, Scrubber, Secrets, scrubber_of, secrets_of
from agent_dispatcher.provenance.logs import CleanLogger

KEY = "value-of-a-key-17"


@pytest.mark.parametrize(
    "name",
    ["OPENAI_API_KEY", "github_token", "DB_PASSWORD", "SECRET", "CLIENT_SECRET_2", "SSH_PASSPHRASE", "X_KEY", "APIKEY"],
)
def test_variables_named_like_a_key_hold_one(name: str) -> None:
    """Whatever their case, and wherever in the name it stands."""
    assert list(secrets_of({}, {name: f" {KEY}\n"})) == [KEY]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EDITOR", KEY),
        ("MAX_TOKENS", "128000000"),
        ("TOKENIZERS_PARALLELISM", "disabled-by-me"),
        ("API_KEY", "short"),
        ("SORT_KEY", "updated_at"),
        ("PRIMARY_KEY", "20261122"),
        ("SSL_KEY", __file__),
        ("MONKEY", "King Kong 1933"),
    ],
)
def test_what_is_no_key_is_left_alone(name: str, value: str) -> None:
    """Ordinary words under an ambiguous name, short values, names of files: else they would vanish from all code."""
    assert list(secrets_of({}, {name: value})) == ([value] if name == "MONKEY" else [])


def test_configuration_says_what_is_a_key() -> None:
    """Variables that it names, options that are named like one however deep, passwords in addresses."""
    options = {
        "llm:a": {"api_key_env": "PLAIN", "api_key_keyring": "service:somebody", "model": "a-long-model-name"},
        "agent_type:b": {"servers": [{"token": "tok-12345678"}, {"url": "https://me:pass%2Fword@host.example/x"}]},
    }
    environment = {"PLAIN": KEY, "WORD": "said-by-the-user", "OTHER": "not-a-secret-value"}
    found = set(secrets_of(options, environment, ["WORD"]))
    assert found == {KEY, "said-by-the-user", "tok-12345678", "pass%2Fword", "pass/word"}


VALUE = 'a "quoted" \\ <key>/with+signs\'s end'


@pytest.mark.parametrize(
    "text",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        json.dumps(json.dumps(VALUE))[3:-3],
        repr(VALUE)[1:-1],
        quote(VALUE),
        quote(VALUE, safe=""),
        "a%20%22quoted%22%20%5c%20%3ckey%3e%2fwith%2bsigns%27s%20end",
        "a+%22quoted%22+%5C+%3Ckey%3E%2Fwith%2Bsigns%27s+end",
        html.escape(VALUE),
        html.escape(VALUE, quote=False),
        VALUE.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;").replace("'", "&#39;"),
        VALUE.encode().hex(),
        VALUE.encode().hex().upper(),
    ],
)
def test_every_spelling_is_found(text: str) -> None:
    """As it is, in an address, in JSON and JSON within JSON, as Python shows it, in a page, in hex."""
    assert Scrubber.of([VALUE]).text(f"<{text}>") == f"<{SECRET}>"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "somebody:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_gives_nothing_away(user: str, encode: Callable[[bytes], bytes]) -> None:
    """Wherever in what was encoded the key begins: of it at most one character before and one after are left."""
    key = "k3y?with>signs~&17"
    header = encode(f"{user}{key} and more".encode()).decode()
    left = Scrubber.of([key]).text(f"Basic {header}")
    before, found, after = left.removeprefix("Basic ").partition(SECRET)
    assert found
    decoded = base64.urlsafe_b64decode((before + "A" * (-len(before) % 4)).replace("+", "-").replace("/", "_"))
    assert decoded.startswith(user.encode()) and key[1:].encode() not in decoded and key[:2].encode() not in decoded
    assert len(header) - len(before) - len(after) >= len(key) * 4 // 3 - 3


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("POSTGRES_PASSWORD", "postgres", "connect('postgresql://localhost/x')  # postgres"),
        ("MYSQL_ROOT_PASSWORD", "password", "def check_password(password: str) -> bool:"),
        ("NEXTAUTH_SECRET", "development", "if mode == 'development':"),
        ("SECRET_BACKEND", "hashicorp-vault", "pip install hashicorp-vault"),
        ("GIT_TOKEN_USER", "x-access-token", "x-access-token"),
        ("RABBITMQ_PASSWORD", "rabbitmq", "import rabbitmq"),
    ],
)
def test_an_ordinary_word_is_no_key_unless_somebody_says_so(name: str, value: str, text: str) -> None:
    """Hidden, it would ruin the work and protect nothing. It is told which; named in configuration, it is hidden all the same."""
    found = secrets_of({"a": {"password": value}}, {name: value})
    assert Scrubber.of(found).text(text) == text
    assert found.plain == tuple(sorted((name, "option password of a")))
    named = secrets_of({}, {name: value}, [name])
    assert SECRET in Scrubber.of(named).text(text) and named.plain == ()
    assert secrets_of({}, {name: value}, (), [name]).plain == ()


@pytest.mark.parametrize(
    "value",
    [
        "https://auth.example.com/token",
        "https://auth.example.com/oauth/v2/token",
        "https://github.com/login/oauth/access_token",
        "https://oauth2.googleapis.com/token",
        "https://internationalization.documentation.example.com/troubleshooting/token",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "http://keycloak:8080/realms/master/protocol/openid-connect/token",
        "https://sso-proxy-v2.eu-west-1.internal.example.com/k8s/sha256/dpztk/xqrw",
        "/nowhere/at/all",
        "~/.config/tokens",
        "C:\\keys",
    ],
)
def test_an_address_is_no_key(value: str) -> None:
    """Where keys are to be had is no secret; nobody is told about it either."""
    found = secrets_of({}, {"ACCESS_TOKEN_URL": value})
    assert (*found, *found.plain) == ()


@pytest.mark.parametrize(
    "value",
    [
        "https://hooks.example.com/services/T000AAA11/XXyyZZ11XXyyZZ11",
        "https://hooks.example.com/services/XxYyZzQqWwXxKkJjVvBbNnMm",
        "https://hooks.example.com/550e8400-e29b-41d4-a716-446655440000",
        "https://hooks.example.com/qwzxkvjhplmrtgbnfdsc",
        "https://hooks.example.com/QWZXKVJHPLMRTGBNFDSC/in",
        "https://hooks.example.com/982734987239487239847",
        "https://api.example.org/bot123456789:AAHdqTcv-CH1vGWJx_fSeofSA",
        "https://host.example/in?sig=0a1b2c3d4e",
        "https://somebody@host.example/in",
        "correct horse battery staple",
        "canaryclientsecretwords",
        "xkqzjwvbnplm",
        "hunter22",
        "2f9d1c7b",
        "/aB3dEf+sdf/9x",
        "12345678",
    ],
)
def test_what_nobody_could_guess_is_a_key(value: str) -> None:
    """A phrase, letters that are no word, digits, an address with something in it that lets one in."""
    found = secrets_of({}, {"DEPLOY_TOKEN": value})
    assert value in found.values and found.plain == ()


def test_a_variable_may_be_said_to_hold_no_key() -> None:
    """``provenance.not_secrets``: what is named like a key and is none."""
    assert list(secrets_of({}, {"SORT_TOKEN": "updated_at_17"}, (), ["SORT_TOKEN"])) == []


def test_a_key_that_is_too_short_to_be_hidden_is_told() -> None:
    """Who named it thinks that it is hidden."""
    found = secrets_of({}, {"PIN": "1234"}, ["PIN"])
    assert (found.values, found.plain) == ((), ("PIN",))


class _Server:
    """A model's server of one's own, and the key it is given."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = secrets


@pytest.mark.parametrize("key", ["anything", "not-needed"])
def test_a_word_that_a_server_takes_for_a_key_is_none(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of one's own takes any: it is told and not hidden, unless configuration says otherwise."""
    monkeypatch.setenv("OWN_SERVER", key)
    server = _Server(key, KEY)
    found = Secrets.of(Config(), server)
    assert KEY in found.values and key not in found.values and found.plain[-1] == "the key of the model's server"
    assert scrubber_of(Config(), server).text(f"{key} {KEY}") == f"{key} {SECRET}"
    named = Config(provenance=ProvenanceSettings(secrets=("OWN_SERVER",)))
    assert scrubber_of(named, server).text(key) == SECRET and "the key" not in str(Secrets.of(named, server).plain)


def test_what_is_said_to_be_no_key_is_none_of_a_server_either(monkeypatch: pytest.MonkeyPatch) -> None:
    """``provenance.not_secrets`` names the variable that the server's key stands in."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    config = Config(provenance=ProvenanceSettings(not_secrets=("OPENAI_API_KEY",)))
    assert scrubber_of(config, _Server(KEY)).text(KEY) == KEY
    assert scrubber_of(Config(), _Server(KEY)).text(KEY) == SECRET


def test_what_is_known_of_keys_does_not_show_them() -> None:
    """Printed, or in a traceback."""
    assert "17" not in repr(secrets_of({}, {"TOKEN": KEY}))


def test_a_key_that_begins_another_leaves_nothing_of_it() -> None:
    """The longest goes first."""
    assert Scrubber.of(["abcdefgh", "abcdefgh-ijkl"]).text("x abcdefgh-ijkl y") == f"x {SECRET} y"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-Abc0123456789defghij",
        "AKIAABCDEFGHIJKLMNOP",
        "ghp_" + "a1" * 18,
        "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_well_known_shapes_are_found(text: str) -> None:
    """Nobody has to have named them."""
    assert Scrubber().text(f"key = '{text}'") == f"key = '{SECRET}'"


@pytest.mark.parametrize(
    "text",
    ["sk-navigation-bar-container-left", "task-0123456789abcdef0123", "AKIA", "d41d8cd98f00b204e9800998ecf8427e"],
)
def test_ordinary_code_has_no_such_shape(text: str) -> None:
    """Names of classes, ids and digests stay."""
    assert Scrubber().text(text) == text


def test_requests_and_replies_are_cleaned_all_over() -> None:
    """Messages and arguments of tools; without a key nothing is copied."""
    scrubber = Scrubber.of([KEY])
    call = ToolCall(id="1", name="run", arguments=f'{{"x": "{KEY}"}}')
    request = LlmRequest(
        messages=[
            ChatMessage(role="user", content=f"use {KEY}"),
            ChatMessage(role="assistant", content="", tool_calls=[call]),
        ]
    )
    assert KEY not in repr(scrubber.request(request))
    reply = scrubber.reply(LlmReply(text=KEY, tool_calls=[call]))
    assert KEY not in repr(reply) and reply.keys_hidden
    tool = Tool(name=KEY, description=KEY, parameters={"properties": {"x": {"default": KEY}}})
    more = LlmRequest.of("x", tools=[tool], schema={"const": KEY}, stop=[KEY])
    assert KEY not in repr(scrubber.request(more))
    named = ToolCall(id=KEY, name=KEY, arguments="{}")
    assert KEY not in repr(scrubber.reply(LlmReply(text="", model=KEY, tool_calls=[named])))
    other = Tool(name="t", description="d", parameters={"properties": {"x": {"enum": [1, "two"]}}})
    clean = LlmRequest.of("nothing of the kind", tools=[other], schema={"type": "object"}, stop=["."])
    assert scrubber.request(clean) is clean
    said = LlmReply(text="nothing", tool_calls=[ToolCall(id="1", name="n", arguments="{}")])
    assert scrubber.reply(said) is said


def test_errors_are_cleaned_down_to_their_causes() -> None:
    """Also a key whose end was cut off with the message."""
    try:
        try:
            raise ValueError(f"sent {KEY}")
        except ValueError as cause:
            raise RuntimeError(f"refused: {KEY[:-3]}…") from cause
    except RuntimeError as error:
        Scrubber.of([KEY]).error(error)
        assert str(error) == f"refused: {SECRET}"
        assert str(error.__cause__) == f"sent {SECRET}"


def test_errors_are_cleaned_in_groups_too() -> None:
    """Each error of a group, what it was raised from, and the notes on it."""
    try:
        try:
            raise ValueError(f"inner {KEY}")
        except ValueError as cause:
            inner = RuntimeError(f"said {KEY}")
            inner.__cause__ = cause
            inner.add_note(f"with {KEY}")
            raise ExceptionGroup("several", [inner, ExceptionGroup("more", [KeyError(KEY)])]) from None
    except ExceptionGroup as error:
        Scrubber.of([KEY]).error(error)
        shown = traceback.format_exc()
        assert KEY not in shown and shown.count(SECRET) == 4


def test_values_without_keys_are_not_copied() -> None:
    """So that whoever asks can tell, and nothing is made anew for every event."""
    value = {"a": [1, {"b": "c"}], "d": None}
    assert Scrubber.of([KEY]).value(value) is value
    assert Scrubber.of([KEY]).value({"a": [KEY], KEY: 1}) == {"a": [SECRET], SECRET: 1}


def test_a_log_gets_no_keys(caplog: pytest.LogCaptureFixture) -> None:
    """Neither in messages and their arguments nor in tracebacks and stacks; levels and handlers are those of the logger of the same name."""
    log = CleanLogger("agent_dispatcher.agents.test", Scrubber.of([KEY]))
    with caplog.at_level("INFO", logger=log.name):
        log.warning("using %s", KEY, stack_info=True)
        log.debug("not shown")
        log.getChild("part").info(KEY)
        log.info("%d", KEY)
        try:
            raise ValueError(KEY)
        except ValueError:
            log.exception("it failed")
    assert [record.getMessage() for record in caplog.records][:2] == [f"using {SECRET}", SECRET]
    assert "ValueError" in caplog.text and caplog.text.count(SECRET) == 4 and KEY not in caplog.text
    assert caplog.records[0].funcName == "test_a_log_gets_no_keys"
    assert all(record.exc_info is None for record in caplog.records)


def test_a_scrubber_does_not_show_what_it_knows(tmp_path: Path) -> None:
    """Not even when it is printed."""
    assert KEY not in repr(Scrubber.of([KEY]))
