"""How fast a backend is asked, as plain function calls with the time in them."""

from __future__ import annotations

import pytest

from agent_dispatcher.coordination.throttle import Throttle


def test_without_a_limit_nothing_waits() -> None:
    """A server that never refuses is asked as often as anybody wants."""
    throttle = Throttle()
    assert [throttle.wait_s(0.0, 10_000) for _ in range(1000)] == [0.0] * 1000


def test_requests_per_minute_hold_in_every_minute() -> None:
    """Of many that come at once, each gets a place in line, a few go at once, and no minute has more than the limit and that burst."""
    throttle = Throttle(requests_per_minute=60)
    sent = [throttle.wait_s(0.0, 0) for _ in range(200)]
    assert sent[:10] == [0.0] * 10
    assert sent[10:13] == pytest.approx([1.0, 2.0, 3.0])
    assert max(sum(start <= at < start + 60 for at in sent) for start in sent) <= 70


def test_tokens_are_counted_by_the_worst_case_until_the_answer_is_there() -> None:
    """Two calls that may fill the minute: the second waits; what the first did not use shortens what comes after."""
    throttle = Throttle(tokens_per_minute=6000)
    assert throttle.wait_s(0.0, 6000) == 0.0
    assert throttle.wait_s(0.0, 3000) == pytest.approx(30.0)
    throttle.answered(unused=5000)
    assert throttle.wait_s(0.0, 3000) == pytest.approx(10.0)


def test_a_call_that_is_larger_than_a_minute_goes_when_the_line_is_empty() -> None:
    """It is not kept waiting for ever; those behind it pay."""
    throttle = Throttle(tokens_per_minute=600)
    assert throttle.wait_s(0.0, 1200) == pytest.approx(60.0)
    assert throttle.wait_s(60.0, 10) == pytest.approx(1.0)


def test_a_refusal_halves_the_pace_once_for_all_calls_under_way() -> None:
    """Ten calls that were sent together and all refused are one refusal; one that was sent after it is another."""
    throttle = Throttle(requests_per_minute=600)
    for _ in range(10):
        throttle.wait_s(0.0, 0)
    assert [throttle.refused(1.0, 0.0, 5.0) for _ in range(10)] == [5.0] * 10
    assert throttle.pace == 0.5
    throttle.refused(9.0, 7.0, None)
    assert throttle.pace == 0.25


def test_the_pace_comes_back_bit_by_bit() -> None:
    """Additive increase: each answer adds the same little, never above the limit."""
    throttle = Throttle(requests_per_minute=600, pace=0.5)
    throttle.answered(0)
    assert throttle.pace == pytest.approx(0.55)
    for _ in range(50):
        throttle.answered(0)
    assert throttle.pace == 1.0


def test_what_the_server_takes_is_found_out() -> None:
    """Without a limit of the user's, the first refusal makes one of what was sent in the last minute; answers raise it again."""
    throttle = Throttle()
    for tenth in range(600):
        assert throttle.wait_s(tenth / 10, 0) == 0.0
    throttle.refused(60.0, 59.9, 0.0)
    assert [throttle.wait_s(60.0, 0) for _ in range(3)] == pytest.approx([0.2, 0.4, 0.6])  # half of what went through
    for _ in range(30):
        throttle.answered(0)
    assert throttle.pace == 1.0 and throttle._requests.limit == 600.0 + 20


def test_nothing_is_sent_before_the_server_allows_it() -> None:
    """``Retry-After`` holds for everybody; without one the pause doubles with each refusal in a row."""
    throttle = Throttle()
    throttle.refused(0.0, 0.0, 12.0)
    assert throttle.wait_s(2.0, 0) >= 10.0
    silent = Throttle()
    assert [silent.refused(float(at), at - 0.1, None) for at in (100, 200, 300)] == [1.0, 2.0, 4.0]
    silent.answered(0)
    assert silent.refused(500.0, 499.0, None) == 1.0


def test_a_place_in_line_can_be_given_back() -> None:
    """Who does not wait after all does not make others wait."""
    throttle = Throttle(requests_per_minute=6)
    assert throttle.wait_s(0.0, 0) == 0.0
    assert throttle.wait_s(0.0, 0) == pytest.approx(10.0)
    throttle.left_the_line(0)
    assert throttle.wait_s(0.0, 0) == pytest.approx(10.0)
