"""The header goes where it belongs, once, and nothing else in a file is touched."""

from __future__ import annotations

import pytest

from licence_headers import Header
from licence_headers.headers import is_source

MIT = b"SPDX-License-Identifier: MIT"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("a.py", b"x = 1\n", b"# " + MIT + b"\nx = 1\n"),
        ("a.sh", b"#!/bin/sh\nls", b"#!/bin/sh\n# " + MIT + b"\nls"),
        (
            "a.py",
            b"#!/usr/bin/python\n# -*- coding: utf-8 -*-\n1\n",
            b"#!/usr/bin/python\n# -*- coding: utf-8 -*-\n# " + MIT + b"\n1\n",
        ),
        ("a.py", b"#!/usr/bin/python", b"#!/usr/bin/python\n# " + MIT + b"\n"),
        ("a.ts", b"let a\r\nlet b\r\n", b"// " + MIT + b"\r\nlet a\r\nlet b\r\n"),
        ("a.sql", b"\xef\xbb\xbfselect 1", b"\xef\xbb\xbf-- " + MIT + b"\nselect 1"),
        ("a.py", b"\xff not utf-8\n", b"# " + MIT + b"\n\xff not utf-8\n"),
        ("empty.py", b"", b""),
    ],
)
def test_it_goes_first(path: str, before: bytes, after: bytes) -> None:
    """The header stands first, behind what must stand first, in the file's own line ends; the rest is as it was."""
    assert Header().put_on(path, before) == after


def test_it_is_put_on_once() -> None:
    """A file that carries the header stays as it is, whatever stands before it."""
    once = Header(holder="Ada").put_on("a.py", b"x = 1\n")
    assert once.splitlines()[0] == b"# SPDX-FileCopyrightText: Ada"
    assert Header(holder="Ada").put_on("a.py", once) == once
    assert Header(holder="Bob").put_on("a.py", once) != once


def test_only_sources_carry_it() -> None:
    """Pictures, data and whatever lies in hidden folders carry none."""
    found = [path for path in ("a.py", "b/C.JAVA", "a.png", "a.json", ".venv/a.py", "a/.cache/b.py") if is_source(path)]
    assert found == ["a.py", "b/C.JAVA"]


@pytest.mark.parametrize("wrong", ["MIT\n# nothing", "", "MIT;rm"])
def test_options_are_checked(wrong: str) -> None:
    """A licence that is no SPDX expression is refused when it is configured."""
    with pytest.raises(ValueError, match="licence"):
        Header(licence=wrong)
