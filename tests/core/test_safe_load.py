"""Safe reading: what strangers wrote is read with places, or refused quickly and clearly."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_dispatcher.errors import SpecificationError, UsageError
from agent_dispatcher.safe_load import (
    MAX_DEPTH,
    Located,
    Place,
    front_matter,
    load_json,
    load_yaml,
    plain_json,
    read_text,
)

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{after}: &{after} [*{before}, *{before}]\n" for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: 1\nb: [1, 2\nc: 3", "malformed YAML", "3:2"),
        ("a: b: c", "malformed YAML", "1:5"),
        ("a:\n\t- b", "malformed YAML", "2:1"),
        (LAUGHS, "anchors (&a) are not allowed", "1:4"),
        ("a: *x", "aliases (*x) are not allowed", "1:4"),
        ("a: !!python/object:os.system x", "tags (", "1:4"),
        ("a: !x y", "tags (!x)", "1:4"),
        ("<<: {a: 1}", "merge keys", "1:1"),
        ("a: 1\nb: 2\na: 3", "the key 'a' stands twice, first in line 1", "3:1"),
        ("a: 1\n---\nb: 2", "a second document begins here", "2:1"),
        ("? [a]\n: b", "a key must be a text", "1:3"),
        ("a: .nan", "not a finite number", "1:4"),
        ("a: -.inf", "not a finite number", "1:4"),
        ("a: 1e999", "too large for a number", "1:4"),
        ("a: " + "9" * 500, "a number of 500 digits", "1:4"),
        ("a: x\x01", "a control character", "1:5"),
        ("a: x\0", "a NUL character", "1:5"),
        ('a: "\\0"', "an escape that stands for NUL", "1:4"),
        ("[" * 100_000, "nested more than 100 deep", "1:101"),
        ("{a: " * 100_000, "nested more than 100 deep", "1:401"),
        ("- " * 100_000, "nested more than 100 deep", "1:201"),
    ],
)
def test_yaml_refused(text: str, message: str, place: str) -> None:
    """Bad YAML is refused at once, with file, line and column."""
    begin = time.process_time()
    with pytest.raises(SpecificationError) as caught:
        load_yaml(text, "spec.yaml")
    assert message in caught.value.problems[0].what
    assert caught.value.problems[0].where == f"spec.yaml:{place}"
    assert time.process_time() - begin < 2


@pytest.mark.parametrize("load", [load_json, plain_json])
@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        # the comma itself is the place since Python 3.13
        ('{"a": 1,}', "malformed JSON", "1:8" if sys.version_info >= (3, 13) else "1:9"),
        ('{"a": 1,\n "b" 2}', "malformed JSON", "2:6"),
        ("", "malformed JSON", "1:1"),
        ('{"a": 1, "b": 2,\n "a": 3}', "'a' stands twice", "2:2"),
        ("[1, NaN]", "NaN is no JSON value", "1:5"),
        ('["NaN", -Infinity]', "Infinity is no JSON value", "1:9"),
        ("[1e999]", "too large", "1:2"),
        ("[" + "9" * 500 + "]", "a number of 500 digits", "1:2"),
        ('["\\ud800"]', "surrogate", "1:3"),
        ('["\\u0000"]', "NUL", "1:3"),
        ('["\x00"]', "NUL", "1:3"),
        ("[" * 100_000, "nested more than 100 deep", "1:101"),
        ('{"a":' * 100_000, "nested more than 100 deep", "1:501"),
        ("[" * 60 + '"\\' + '"\\' * 500_000, "malformed JSON", "1:61"),
    ],
)
def test_json_refused(load: Callable[..., Any], text: str, message: str, place: str) -> None:
    """Bad JSON is refused at once, with file, line and column."""
    begin = time.process_time()
    with pytest.raises(SpecificationError) as caught:
        load(text, "spec.json")
    assert message in caught.value.problems[0].what
    assert caught.value.problems[0].where == f"spec.json:{place}"
    assert time.process_time() - begin < 2


def test_yaml_scalars_are_what_they_look_like() -> None:
    """Only null, true, false and numbers are not text; keys are always text."""
    text = "no: on\nday: 2026-01-31\ntime: 12:30:00\nhex: 0x1F\nzero: 007\nunder: 1_0\nn: ~\ne:\nb: True\n1: y\ni: -3\nf: 12.50\nq: '1'\n"
    expected = {
        "no": "on",
        "day": "2026-01-31",
        "time": "12:30:00",
        "hex": "0x1F",
        "zero": "007",
        "under": "1_0",
        "n": None,
        "e": None,
        "b": True,
        "1": "y",
        "i": -3,
        "f": 12.5,
        "q": "1",
    }
    found = load_yaml(text).plain()
    assert found == expected
    assert type(found["b"]) is bool


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_yaml, "\ufeffa:\r\n  - 12.50\r\n  - b: x\r\n"),
        (load_json, '\ufeff{"a": [\r\n  12.50,\r\n  {"b": "x"}]}'),
    ],
)
def test_places(load: Callable[..., Located], text: str) -> None:
    """Every key and value knows its line and column, also behind a byte order mark and with CRLF; numbers keep their digits."""
    root = load(text, "s")
    assert isinstance(root.value, dict)
    assert root.keys["a"].line == 1
    items = root.value["a"].value
    assert isinstance(items, tuple)
    assert (items[0].where, items[0].text) == ("s:2", "12.50")
    assert items[1].key_where("b") == "s:3"
    assert root.plain() == {"a": [12.5, {"b": "x"}]}


def test_depth_that_is_allowed() -> None:
    """What is nested as deep as allowed is read; one level more is not."""
    allowed = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert load_yaml(allowed).plain() == load_json(allowed).plain() == plain_json(allowed)
    for load in (load_yaml, load_json, plain_json):
        with pytest.raises(SpecificationError, match="nested more than"):
            load(f"[{allowed}]", "s")


def test_brackets_in_texts_do_not_nest() -> None:
    """Only brackets outside of strings count as nesting."""
    text = json.dumps({"a": "[{" * 500, 'q"\\': 1})
    assert plain_json(text) == load_json(text).plain() == json.loads(text)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.booleans(), st.sampled_from([None, 1]))
def test_json_means_what_json_means(value: Any, ascii_only: bool, indent: int | None) -> None:
    """Everything JSON can say is read as the standard library reads it."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert plain_json(text) == value
    if "<<" not in text:
        assert load_json(text).plain() == value


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,6}", fullmatch=True),
        st.integers(-99, 99)
        | st.booleans()
        | st.none()
        | st.from_regex(r"[a-z ]{0,8}", fullmatch=True)
        | st.lists(st.integers(0, 9), max_size=3),
    )
)
def test_yaml_means_what_yaml_means(value: dict[str, Any]) -> None:
    """What PyYAML writes of plain values is read back as the same values."""
    assert load_yaml(yaml.safe_dump(value)).plain() == value


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab1:-[]{}\"'\\#&*!|>%@`,?\n\t .<~\u00e9\u2028", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes a reader fail in another way than by its own error."""
    for load in (load_yaml, load_json, front_matter):
        try:
            load(text, "s")
        except SpecificationError as error:
            assert error.problems[0].where.startswith("s")


def test_files(tmp_path: Path) -> None:
    """A file is read as UTF-8 within its size; everything else is named with what to do."""
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\n")
    assert read_text(file) == "a: é\r\n"
    with pytest.raises(SpecificationError, match=r"spec: the file is larger than 3 bytes \(divide it\)"):
        read_text(file, name="spec", max_bytes=3)
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(SpecificationError, match=r"spec\.yaml:2: byte 0xff is not UTF-8 \(save the file as UTF-8\)"):
        read_text(file, name="spec.yaml")
    with pytest.raises(UsageError, match="there is no such file"):
        read_text(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="is a folder"):
        read_text(tmp_path)


def test_size_is_capped_before_parsing() -> None:
    """A text of more than five megabytes is refused without a look inside, and the cap can be moved."""
    begin = time.process_time()
    for load in (load_yaml, load_json, plain_json, front_matter):
        with pytest.raises(SpecificationError, match=r"larger than 5,000,000 bytes"):
            load("[" + "1," * 2_500_000 + "1]", "s")
    assert time.process_time() - begin < 1
    assert plain_json("[1, 2]", max_bytes=6) == [1, 2]
    with pytest.raises(SpecificationError, match="larger than 5 bytes"):
        plain_json("[1, 2]", max_bytes=5)


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (load_yaml, "[" + "a, " * 250_000 + "a]"),
        (load_json, "[" + "0," * 250_000 + "0]"),
        (load_json, "[" + "\n0," * 250_000 + "0]"),
    ],
)
def test_number_of_values_is_capped(load: Callable[..., Located], text: str) -> None:
    """A document of very many values is refused in time that grows with its size, on one line or on many."""
    begin = time.process_time()
    with pytest.raises(SpecificationError, match="more than 200,000 values in one file"):
        load(text, "s")
    assert time.process_time() - begin < 20


def test_front_matter() -> None:
    """The head of a Markdown page is YAML with the page's own lines; a page may have none."""
    head, body, line = front_matter("---\ntitle: x\n---\n# Hi\n", "page.md")
    assert head is not None
    assert (head.plain(), head.keys["title"], body, line) == ({"title": "x"}, Place(2, 1), "# Hi\n", 4)
    assert front_matter("# Hi\n") == (None, "# Hi\n", 1)
    with pytest.raises(SpecificationError, match=r"page\.md:1:1: the front matter that begins here does not end"):
        front_matter("---\ntitle: x\n", "page.md")
    with pytest.raises(SpecificationError, match=r"page\.md:3:1: the key 'a' stands twice, first in line 2"):
        front_matter("---\na: 1\na: 2\n---\n", "page.md")
