"""Names of refs and trailers of commits, for any id and any message."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_dispatcher_builtins.workspaces.commits import compose, ref_part, trailers_of


@given(st.text(min_size=1, max_size=120))
def test_any_id_makes_a_good_part_of_a_ref(text: str) -> None:
    """Whatever an id holds, its part is short, plain, and no name that git or a file system refuses."""
    part = ref_part(text)
    assert part and len(part) <= 100
    assert all(character.isascii() and (character.isalnum() or character in "._-") for character in part)
    assert ".." not in part and not part.endswith((".lock", ".")) and part[0] not in ".-"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_different_ids_make_different_parts(one: str, two: str) -> None:
    """No two ids share a ref."""
    assert (ref_part(one) == ref_part(two)) == (one == two)


@given(st.text(max_size=80), st.text(min_size=1, max_size=40).map(str.strip).filter(bool))
def test_trailers_come_back(message: str, value: str) -> None:
    """What is written as a trailer is read as one, whatever the message says."""
    found = trailers_of(compose(message, [("Dispatcher-Task", value)]))
    assert (
        found == {"Dispatcher-Task": " ".join(value.replace("\0", "").split())} or not value.replace("\0", "").split()
    )
