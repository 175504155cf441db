"""Ask, check, have mended: at most twice, with the errors word for word."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import LlmReply
from agent_dispatcher.testing import ScriptedBackend
from agent_dispatcher_builtins.prompting.asking import Answer, Asking, Question, Readout, Unusable, ask, tokens
from agent_dispatcher_builtins.prompting.templates import Prompt


def read(data: dict[str, Any]) -> Readout[int]:
    """An even number is fine, an odd one has a flaw, 0 is a fault."""
    number = data.get("n", 0)
    if not number:
        return Readout(faults=("n: it is 0 or missing", "and so it cannot be used"))
    return Readout(value=number, flaws=(f"{number} is odd",) if number % 2 else ())


def question() -> Question[int]:
    values: dict[str, Any] = {
        "specification": {"title": "T"}, "requirements": (), "partial": False, "earlier": (), "types": (), "artifact_types": (), "example": "",
        "language": "", "errors": (), "files": (),
    }  # fmt: skip
    values["specification"] = {"title": "T", "summary": "", "facts": {}, "glossary": {}}
    prompt = Prompt("agent_dispatcher_builtins.decomposers.llm", "decompose.jinja", None, values)
    return Question(
        prompt=prompt, values=values, purpose="count", schema={"type": "object"}, schema_name="n", read=read
    )


def asked(*replies: Any, **values: Any) -> tuple[Answer[int] | Unusable, ScriptedBackend]:
    backend = ScriptedBackend(replies)
    return asyncio.run(ask(backend, question(), Asking(**values))), backend


def test_a_good_reply_is_taken_at_once() -> None:
    """One call, with the schema, the purpose and the limits in it."""
    answer, backend = asked('{"n": 2}', model="m", max_output_tokens=99, timeout_s=5.0)
    assert answer == Answer(value=2)
    (request,) = backend.requests
    assert [each.role for each in request.messages] == ["system", "user"]
    assert (request.purpose, request.model, request.max_output_tokens, request.timeout_s) == ("count", "m", 99, 5.0)
    assert (request.schema, request.schema_name, request.temperature) == ({"type": "object"}, "n", 0.0)


def test_errors_are_quoted_back_behind_the_reply() -> None:
    """The model sees its own last reply and every error word for word; the question itself does not change."""
    answer, backend = asked("no", '{"n": 0}', '{"n": 2}')
    assert answer == Answer(value=2)
    first, second, third = backend.requests
    assert second.messages[:2] == third.messages[:2] == first.messages
    assert [each.role for each in third.messages] == ["system", "user", "assistant", "user"]
    assert second.messages[2].content == "no"
    assert "- there is no JSON object in the reply\n" in second.messages[3].content
    assert third.messages[2].content == '{"n": 0}'
    assert "- n: it is 0 or missing\n- and so it cannot be used\n" in third.messages[3].content


def test_two_repairs_and_no_more() -> None:
    """After the third useless reply the reason is given, with the last errors."""
    answer, backend = asked("a", "b", '{"n": 0}')
    assert len(backend.requests) == 3
    assert answer == Unusable(
        reason="3 replies of the model could not be used; the last: n: it is 0 or missing; and so it cannot be used"
    )


def test_without_repairs_one_reply_decides() -> None:
    """Option repairs = 0."""
    answer, backend = asked("a", repairs=0)
    assert (len(backend.requests), answer) == (
        1,
        Unusable(reason="the reply of the model could not be used; the last: there is no JSON object in the reply"),
    )
    with pytest.raises(ValueError, match="repairs"):
        Asking(repairs=3)


def test_flaws_are_told_but_the_best_reply_is_kept() -> None:
    """A usable reply is not lost when its repair is worse."""
    answer, backend = asked('{"n": 3}', "nonsense", '{"n": 5}')
    assert answer == Answer(value=3, flaws=("3 is odd",))
    assert "- 3 is odd" in backend.requests[1].messages[3].content


def test_a_flaw_that_was_mended_is_forgotten() -> None:
    """The first reply without any is taken."""
    assert asked('{"n": 3}', '{"n": 4}')[0] == Answer(value=4)


def test_a_reply_that_was_cut_off_is_said_to_be() -> None:
    """The model is told to say less, not that its JSON is malformed."""
    cut = LlmReply(text='{"n": [1, 2', stop_reason="length")
    answer, backend = asked(cut, '{"n": 2}', max_output_tokens=64)
    assert answer == Answer(value=2)
    assert "- the reply was cut off after 64 tokens" in backend.requests[1].messages[3].content
    assert "malformed" not in backend.requests[1].messages[3].content


def test_a_refusal_is_not_argued_with() -> None:
    """One call; the model's words are the reason."""
    answer, backend = asked(LlmReply(text="I would rather not.", stop_reason="refused"))
    assert (len(backend.requests), answer) == (
        1,
        Unusable(reason="the model would not answer: I would rather not."),
    )


def test_what_the_backend_raises_goes_through() -> None:
    """An unreachable model is not asked again here."""
    with pytest.raises(BackendError, match="gone"):
        asked(BackendError("gone", sort="outage"))


def test_many_errors_are_not_all_told() -> None:
    """A repair stays short however wrong the reply is."""

    def wrong(data: dict[str, Any]) -> Readout[int]:
        return Readout(faults=tuple(f"error {number} {'x' * 1000}" for number in range(50)))

    backend = ScriptedBackend(["{}", "{}", "{}"])
    asking = question()
    asyncio.run(
        ask(
            backend,
            Question(prompt=asking.prompt, values=asking.values, purpose="", schema={}, schema_name="n", read=wrong),
            Asking(),
        )
    )
    repair = backend.requests[1].messages[3].content
    assert "error 19" in repair
    assert "error 20" not in repair
    assert "- and 30 more of the kind" in repair
    assert len(repair) < 9000


def test_tokens_are_estimated_from_bytes() -> None:
    """Three bytes each, rounded up."""
    assert [tokens(text) for text in ("", "a", "abc", "abcd", "ü" * 3)] == [0, 1, 1, 2, 2]
