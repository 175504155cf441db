"""What came from outside is kept as it came, but for keys: it lands in the repository."""

from __future__ import annotations

import json

import pytest

from agent_dispatcher.provenance import Scrubber
from agent_dispatcher_builtins.agents.researcher.answering.tools import Kept
from agent_dispatcher_builtins.checks.kept_sources import INDEX, KeptSource, misfit

TOKEN = "canary-facts-token-1234"


def test_a_server_that_says_its_token_does_not_get_it_committed() -> None:
    """In what it answers, in what it was asked, in the list of sources; and the model is shown the text that is kept."""
    kept = Kept("sources", Scrubber.of([TOKEN]).text)
    document = kept.keep(f"https://host.example/{TOKEN}", "x" * 199_990 + TOKEN)
    assert TOKEN not in repr(kept.files) and "canary" not in repr(kept.files)
    assert document.lines[0] == "From https://host.example/<secret>"
    assert document.lines[-1].endswith("x<secret>") and len(kept.files) == 2


@pytest.mark.parametrize(("ends", "fits"), [("\n", True), ("\r\n", True), (" \n", False)])
def test_a_checkout_may_choose_the_ends_of_lines(ends: str, fits: bool) -> None:
    """``* text eol=crlf`` makes no other text of one that was kept."""
    kept = Kept("sources")
    path = kept.keep("https://host.example/", "one\r\ntwo\n").path
    listed = json.loads(kept.files[f"sources/{INDEX}"])[path.partition("/")[2]]
    data = kept.files[path].replace("\n", ends).encode()
    assert (misfit(KeptSource(**listed), data) == "") is fits
