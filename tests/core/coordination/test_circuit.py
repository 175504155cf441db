"""The circuit of a backend, as plain function calls with the time in them."""

from __future__ import annotations

import pytest

from agent_dispatcher.coordination.circuit import Circuit, CircuitNews


def test_several_outages_in_a_row_open_it() -> None:
    """One answer in between begins the count anew; what is no outage does not count."""
    circuit = Circuit(outages=3)
    assert circuit.failed(0.0, "outage", "gone", None) is None
    assert circuit.failed(0.0, "outage", "gone", None) is None
    assert circuit.answered() is None
    for sort in ("transient", "permanent", "poison", "rate_limit"):
        assert circuit.failed(0.0, sort, "no", 1.0) is None
    assert [circuit.failed(1.0, "outage", "gone", None) for _ in range(3)] == [
        None,
        None,
        CircuitNews("open", "gone", 5.0),
    ]


def test_it_is_tried_again_after_a_while_and_closed_by_an_answer() -> None:
    """open → half_open when its time has come, → closed with the first answer."""
    circuit = Circuit(outages=1, first_wait_s=5.0)
    circuit.failed(10.0, "outage", "gone", None)
    assert (circuit.due(14.9), circuit.left_s(12.0)) == (None, 3.0)
    assert circuit.due(15.0) == CircuitNews("half_open")
    assert circuit.due(16.0) is None
    assert circuit.answered() == CircuitNews("closed")
    assert circuit.answered() is None


def test_each_try_that_fails_doubles_the_wait_up_to_the_longest() -> None:
    """A server that is gone for hours is not asked every few seconds; one answer forgets that."""
    circuit, now, waits = Circuit(outages=1, first_wait_s=5.0, longest_wait_s=60.0), 0.0, []
    for _ in range(6):
        news = circuit.failed(now, "outage", "gone", None)
        assert news is not None
        waits.append(news.wait_s)
        now += news.wait_s
        assert circuit.due(now) == CircuitNews("half_open")
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    circuit.answered()
    assert circuit.failed(now, "outage", "gone", None) == CircuitNews("open", "gone", 5.0)


def test_calls_that_were_under_way_do_not_open_it_twice() -> None:
    """What fails while it is open changes nothing."""
    circuit = Circuit(outages=1)
    assert circuit.failed(0.0, "outage", "gone", None) is not None
    assert circuit.failed(1.0, "outage", "gone", None) is None
    assert circuit.due(5.0) == CircuitNews("half_open")


def test_a_server_that_wants_to_be_left_alone_for_long_is() -> None:
    """A rate limit with a long ``Retry-After`` opens it for that time; a short one is the throttle's business."""
    circuit = Circuit(long_s=30.0)
    assert circuit.failed(0.0, "rate_limit", "slow down", 29.0) is None
    assert circuit.failed(0.0, "rate_limit", "slow down", 90.0) == CircuitNews("open", "slow down", 90.0)
    assert circuit.due(89.0) is None
    assert circuit.due(90.0) == CircuitNews("half_open")


def test_a_server_that_was_never_reached_is_told_after_a_while() -> None:
    """Its address may be wrong: the last try is when the time is over, and news of it says so."""
    circuit, now, tries = Circuit(outages=1, unreached_s=60.0), 0.0, []
    for _ in range(6):
        news = circuit.failed(now, "outage", "refused", None, unreached=True)
        assert news is not None
        tries.append((now, news.is_unreached))
        now += news.wait_s
        circuit.due(now)
    assert tries == [(0.0, False), (5.0, False), (15.0, False), (35.0, False), (60.0, True), (140.0, True)]


@pytest.mark.parametrize("answer", ["answered", "an error of the server"])
def test_a_server_that_was_reached_once_is_waited_for(answer: str) -> None:
    """It may be started again: there is no limit on how long, and no try comes sooner for it."""
    circuit, now = Circuit(outages=1, unreached_s=60.0), 0.0
    circuit.failed(0.0, "outage", "refused", None, unreached=True)
    circuit.due(5.0)
    if answer == "answered":
        circuit.answered()
    else:
        circuit.failed(5.0, "outage", "503", None)
        circuit.due(100.0)
    for now in (1000.0, 2000.0, 3000.0):
        news = circuit.failed(now, "outage", "refused", None, unreached=True)
        assert news is not None and not news.is_unreached
        circuit.due(now + news.wait_s)
