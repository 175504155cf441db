"""Whatever a specification says, it stays a text: in Python, in TOML, in Markdown, on the command line."""

from __future__ import annotations

import ast
import tomllib
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from agent_dispatcher.errors import SpecificationError
from agent_dispatcher.models import (
    Assignment,
    Behaviour,
    Change,
    Constraint,
    Entity,
    Field,
    Guard,
    Operation,
    Requirement,
    Specification,
)
from agent_dispatcher_builtins.agents.code_writer import text
from agent_dispatcher_builtins.agents.code_writer.generator import generate

from .conftest import Load, expression

NASTY = [
    '"""',
    "'''",
    '"""\nimport os\nos._exit(3)\n"""',
    "\\",
    '\\"',
    'ends with "',
    '"',
    "a\nb\r\nc\x00\x1b[31m",
    "\u2028\u2029\x85\u202e",
    "{{ 7 * 7 }}{% for x in y %}{# #}",
    "`code` <script>alert(1)</script> | a | b |\n# heading\n- item",
    "[link](javascript:alert(1)) ![image](x) <http://x> &amp; $x$",
    "1. one",
    "💣 \ud7ff é",
    "]\n[project.scripts]\nx = 'os:system'",
    "f{__import__('os')}",
    "-----",
    "    indented",
]

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.lists(st.sampled_from(NASTY)).map("".join))


def _nasty(words: str, choice: str, pattern: str) -> Specification:
    """A specification that has ``words`` wherever prose may stand."""
    kind = Field(name="kind", type="choice", choices=(choice, "plain"), default=choice, summary=words)
    name = Field(name="name", type="text", default=words, summary=words, pattern=pattern)
    quoted = '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t") + '"'
    sound = not set(quoted) & {"\r", "\x00"} and len(quoted) < 300
    entity = Entity(
        name="Thing",
        fields=(name, kind),
        constraints=(Constraint(name="sound", check=expression("name is null or true"), error="bad", message=words),),
        summary=words,
    )
    operation = Operation(
        name="make",
        inputs=(name, kind),
        requires=(Guard(error="not_now", that=expression(f"name != {quoted}" if sound else "true"), message=words),),
        changes=(
            Change(
                kind="create",
                entity="Thing",
                name="thing",
                assignments=(
                    Assignment(field="name", value=expression("name")),
                    Assignment(field="kind", value=expression("kind")),
                ),
            ),
        ),
        returns=expression("thing"),
        summary=words,
    )
    return Specification(
        id="nasty",
        title=words,
        summary=words,
        behaviour=Behaviour(package="nasty", entities=(entity,), operations=(operation,)),
        requirements=(Requirement(id=words, text=words),),
    )


def _shape(source: str) -> str:
    """The syntax tree without its constants."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, bytes):
            raise AssertionError(node.value)
    return ast.dump(tree)


PLAIN = generate(_nasty("Plain words", "plain choice", "[a-z]+"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(words=texts, choice=texts, pattern=texts)
def test_code_has_the_same_shape_whatever_the_texts_say(words: str, choice: str, pattern: str) -> None:
    """Prose, choices, defaults, patterns and literals of expressions change constants of the code and nothing else."""
    assume(text.one_line(words))  # without words there is no message to pass on
    files = generate(_nasty(words, choice, pattern))
    for path in ("models/thing.py", "errors.py", "schema.py", "storage.py", "constraints.py", "models/__init__.py"):
        name = f"src/nasty/{path}"
        assert _shape(files[name]) == _shape(PLAIN[name]), path
    for path, content in files.items():
        if path.endswith(".py"):
            ast.parse(content)
            assert all(c.isprintable() or c == "\n" for c in content), path
    parsed = tomllib.loads(files["pyproject.toml"])
    assert parsed["project"]["scripts"] == {"nasty": "nasty.cli:main"}
    assert "\n" not in parsed["project"]["description"]
    assert set(parsed) == {"build-system", "project", "tool"}


@settings(max_examples=80, deadline=None)
@given(words=texts)
def test_literals_and_docstrings_hold_their_text(words: str) -> None:
    """A literal is the text; a docstring is one string whose words are the text's."""
    assert ast.literal_eval(text.literal(words)) == words
    assert ast.literal_eval(text.literal(words, raw=True)) == words
    sentence = text.sentence(words, "Nothing")
    source = f"def f():\n    {text.docstring([sentence], 4)}\n"
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert len(function.body) == 1
    assert " ".join((ast.get_docstring(function) or "").split()) == " ".join(sentence.split())


@settings(max_examples=80, deadline=None)
@given(words=texts)
def test_markdown_shows_the_words_and_no_markup(words: str) -> None:
    """No heading, list, link, table cell or HTML comes from a text; a code span holds it as it is."""
    reader = MarkdownIt("commonmark").enable("table")
    line = text.one_line(words)
    tokens = reader.parse(f"| a | b |\n|---|---|\n| {text.markdown(words)} | {text.code_span(words)} |\n")
    cells = [token for token in tokens if token.type == "inline"]
    assert [token.type for token in tokens].count("td_open") == 2
    assert {child.type for child in cells[2].children or []} <= {"text", "text_special"}
    assert "".join(child.content for child in cells[2].children or []) == line.strip()
    (code,) = [child for child in cells[3].children or [] if child.type == "code_inline"] or [None]
    assert line.strip() == "" or (code is not None and code.content.strip() == line.strip())
    plain = reader.parse(f"{text.markdown(words)}\n")
    assert {token.type for token in plain} <= {"paragraph_open", "inline", "paragraph_close"}


def test_nasty_texts_come_back_from_the_package(load: Load) -> None:
    """Defaults, choices and messages are exactly the specification's at run time."""
    for index, words in enumerate(word for word in NASTY if "\ud7ff" not in word):
        source = _nasty(words, words, r"(.|\n)*")
        assert source.behaviour is not None
        behaviour = Behaviour(
            package=f"nasty{index}", entities=source.behaviour.entities, operations=source.behaviour.operations
        )
        package = load(Specification(id="nasty", title=words, behaviour=behaviour))
        thing: Any = package.models.Thing(kind=words, name=None)
        assert thing.kind == words
        with package.storage() as storage:
            assert package.operations.make(storage, name=None).kind == words
            assert storage.all(package.models.Thing)[0].kind == words


@pytest.mark.parametrize("name", ["x = 1", "import", "a.b", "A", "é", "", "x\n", "__class__"])
def test_names_that_are_no_identifiers_are_refused(name: str) -> None:
    """A behaviour built in memory cannot smuggle code in through a name; keywords are simply renamed."""
    entity = Entity(name="Thing", fields=(Field(name=name, type="text", source="spec.yaml:7"),))
    source = Specification(id="x", title="x", behaviour=Behaviour(package="thing_store", entities=(entity,)))
    if name == "import":
        assert "import_: str | None = None" in generate(source)["src/thing_store/models/thing.py"]
        return
    with pytest.raises(SpecificationError, match=r"spec\.yaml:7: .* cannot be a name"):
        generate(source)
