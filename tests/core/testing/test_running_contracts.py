"""The suites for executors, message buses, backends and sandboxes find planted faults."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agent_dispatcher.agents import AgentResult, SyncAgent
from agent_dispatcher.coordination.message_bus import Message, MessageBus, Subscription
from agent_dispatcher.errors import BackendError
from agent_dispatcher.extension import Completed, Limits, LlmReply, LlmRequest, Usage
from agent_dispatcher.extension.components import Executor, LlmBackend, Sandbox
from agent_dispatcher.testing import (
    ExecutorContract,
    LlmBackendContract,
    MessageBusContract,
    SandboxContract,
    ScriptedBackend,
)

Broken = Callable[..., dict[str, str]]


# --- executors ------------------------------------------------------------------------------------------------------


class Inline:
    """Performs the attempt here: what the faulty ones are made from."""

    async def run(self, envelope: Any, host: Any) -> Any:
        async with asyncio.timeout(envelope.timeout_s):
            return await host.agent.perform(host.task, host.context)


class NoLimit(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        return await asyncio.wait_for(host.agent.perform(host.task, host.context), 7.0)


class LeavesItRunning(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        attempt = asyncio.ensure_future(host.agent.perform(host.task, host.context))
        return await asyncio.wait_for(asyncio.shield(attempt), envelope.timeout_s)


class Blocks(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        if isinstance(host.agent, SyncAgent):
            return host.agent.execute(host.task, host.context)
        return await super().run(envelope, host)


class HidesErrors(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        try:
            return await super().run(envelope, host)
        except ValueError as error:
            return AgentResult(status="failed", error=str(error))


class TriesAgain(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        try:
            return await super().run(envelope, host)
        except ValueError:
            return await super().run(envelope, host)


class OneAtATime(Inline):
    def __init__(self) -> None:
        self.lock = asyncio.Lock()

    async def run(self, envelope: Any, host: Any) -> Any:
        async with self.lock:
            return await super().run(envelope, host)


class ChangesResults(Inline):
    async def run(self, envelope: Any, host: Any) -> Any:
        result = await super().run(envelope, host)
        return AgentResult(status=result.status, summary=result.summary)


class ExecutorSuite(ExecutorContract):
    component: ClassVar[type[Inline]] = Inline

    def make_executor(self) -> Executor:
        return self.component()


@pytest.mark.parametrize(
    ("executor", "promise"),
    [
        (NoLimit, "test_too_long_an_attempt_is_ended"),
        (LeavesItRunning, "test_cancelling_reaches_the_agent"),
        (Blocks, "test_a_blocking_agent_does_not_block_the_others"),
        (HidesErrors, "test_an_exception_passes_through"),
        (TriesAgain, "test_an_exception_passes_through"),
        (OneAtATime, "test_agents_that_await_run_side_by_side"),
        (ChangesResults, "test_the_result_passes_through"),
    ],
)
def test_faults_of_executors_are_found(broken_promises: Broken, executor: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (ExecutorSuite,), {"component": executor}), promise)


def test_a_sound_executor_passes(broken_promises: Broken) -> None:
    """What the faulty ones are made from breaks nothing."""
    assert broken_promises(ExecutorSuite) == {}


# --- buses ----------------------------------------------------------------------------------------------------------


class ExactTopicsOnly(MessageBus):
    def _offer(self, message: Message) -> None:
        for subscription in self._subscriptions:
            if subscription._pattern == message.topic:
                subscription.offer(message)


class NewestFirst(MessageBus):
    def _offer(self, message: Message) -> None:
        for subscription in self._subscriptions:
            if subscription.matches(message.topic):
                subscription._queue.appendleft(message)
                subscription._wake.set()


class DeliversBeforeRecording(MessageBus):
    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        self.send(topic, payload)
        return await super().publish(topic, payload, durable=True) if durable else 0


class DropsInSilence(MessageBus):
    def subscribe(self, pattern: str, *, after: int | None = None, where: Any = None) -> Subscription:
        made = super().subscribe(pattern, after=after)

        def drop(lowest: int) -> bool:
            made._queue.popleft()
            return True

        made._drop_oldest_transient = drop  # type: ignore[method-assign]
        return made


class DropsState(MessageBus):
    def _offer(self, message: Message) -> None:
        for subscription in self._subscriptions:
            if subscription.matches(message.topic):
                if len(subscription._queue) >= 1000:
                    lost = subscription._queue.popleft()
                    subscription._durables -= bool(lost.seq)
                subscription._put(message)
                subscription._wake.set()


class ForgetsTheLog(MessageBus):
    def subscribe(self, pattern: str, *, after: int | None = None, where: Any = None) -> Subscription:
        return super().subscribe(pattern)


class PretendsDurable(MessageBus):
    async def publish(self, topic: str, payload: Any = None, *, durable: bool = False) -> int:
        return await super().publish(topic, payload, durable=durable and self._record is not None)


class NeverLets(MessageBus):
    def subscribe(self, pattern: str, *, after: int | None = None, where: Any = None) -> Subscription:
        made = super().subscribe(pattern, after=after)

        async def stay() -> None:
            return None

        made.aclose = stay  # type: ignore[method-assign]
        return made


class BusSuite(MessageBusContract):
    component: ClassVar[type[MessageBus]] = MessageBus

    def make_bus(self) -> MessageBus:
        return self.component()


@pytest.mark.parametrize(
    ("bus", "promise"),
    [
        (ExactTopicsOnly, "test_a_message_reaches_its_subscribers"),
        (NewestFirst, "test_messages_keep_their_order"),
        (DeliversBeforeRecording, "test_durable_messages_are_recorded_first"),
        (DropsInSilence, "test_lost_messages_are_counted"),
        (DropsState, "test_a_flood_of_progress_loses_no_durable_message"),
        (ForgetsTheLog, "test_durable_messages_can_be_read_again"),
        (PretendsDurable, "test_durable_needs_a_run"),
        (NeverLets, "test_leaving_ends_the_iteration"),
    ],
)
def test_faults_of_buses_are_found(broken_promises: Broken, bus: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (BusSuite,), {"component": bus}), promise)


# --- backends -------------------------------------------------------------------------------------------------------


def _reply(request: LlmRequest, *, text: str = "yes", input_tokens: int | None = None) -> LlmReply:
    read = len(request.messages[-1].content.encode()) // 4 + 1 if input_tokens is None else input_tokens
    return LlmReply(text=text, usage=Usage(input_tokens=read, output_tokens=1))


class Backend:
    """Counts one token for four bytes: what the faulty ones are made from."""

    calls = 0

    async def complete(self, request: Any) -> Any:
        await asyncio.sleep(0)
        return _reply(request)


class NoText(Backend):
    async def complete(self, request: Any) -> Any:
        return _reply(request, text="")


class NoUsage(Backend):
    async def complete(self, request: Any) -> Any:
        return _reply(request, input_tokens=0)


class CountsTooMuch(Backend):
    async def complete(self, request: Any) -> Any:
        return _reply(request, input_tokens=100_000)


class FlatRate(Backend):
    async def complete(self, request: Any) -> Any:
        return _reply(request, input_tokens=1)


class BlocksTheLoop(Backend):
    async def complete(self, request: Any) -> Any:
        time.sleep(0.3)
        return _reply(request)


class Failing(Backend):
    retries = 1

    async def complete(self, request: Any) -> Any:
        for _ in range(self.retries):
            self.calls += 1
        raise BackendError("503", sort="outage")


class RetriesItself(Failing):
    retries = 3


class RaisesItsSdksErrors(Failing):
    async def complete(self, request: Any) -> Any:
        self.calls += 1
        raise OSError("503")


class RepliesInItsOwnWay(Backend):
    async def complete(self, request: Any) -> Any:
        return "yes"


class Slow(Backend):
    async def complete(self, request: Any) -> Any:
        await asyncio.sleep(20)


class CannotBeCancelled(Backend):
    async def complete(self, request: Any) -> Any:
        end = asyncio.get_running_loop().time() + 20
        while asyncio.get_running_loop().time() < end:
            try:
                await asyncio.sleep(20)
            except asyncio.CancelledError:
                return _reply(request)


class BackendSuite(LlmBackendContract):
    component: ClassVar[type[Backend]] = Backend
    failing: ClassVar[type[Backend]] = Failing
    slow: ClassVar[type[Backend]] = Slow

    def make_backend(self) -> LlmBackend:
        return self.component()

    def make_failing(self) -> tuple[LlmBackend, Callable[[], int]]:
        backend = self.failing()
        return backend, lambda: backend.calls

    def make_slow(self) -> LlmBackend:
        return self.slow()


@pytest.mark.parametrize(
    ("which", "backend", "promise"),
    [
        ("component", RepliesInItsOwnWay, "test_it_replies_with_text"),
        ("component", NoText, "test_it_replies_with_text"),
        ("component", NoUsage, "test_usage_is_told"),
        ("component", CountsTooMuch, "test_usage_is_bounded_by_bytes"),
        ("component", FlatRate, "test_longer_requests_are_not_cheaper"),
        ("component", BlocksTheLoop, "test_calls_run_side_by_side"),
        ("failing", RetriesItself, "test_failures_are_not_retried"),
        ("failing", RaisesItsSdksErrors, "test_failures_are_not_retried"),
        ("slow", CannotBeCancelled, "test_cancelling_ends_the_call"),
    ],
)
def test_faults_of_backends_are_found(broken_promises: Broken, which: str, backend: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    assert promise in broken_promises(type("Faulty", (BackendSuite,), {which: backend}), promise)


def test_sound_backends_pass(broken_promises: Broken) -> None:
    """What the faulty ones are made from, and the scripted backend, break nothing."""
    assert broken_promises(BackendSuite) == {}
    scripted = {
        "make_backend": lambda self: ScriptedBackend(lambda request: "yes"),
        "make_slow": lambda self: ScriptedBackend(["yes"], delay_s=20.0),
    }
    assert broken_promises(type("Scripted", (BackendSuite,), scripted), *_names(LlmBackendContract)[:3]) == {}


def _names(suite: type) -> list[str]:
    return [name for name in vars(suite) if name.startswith("test_")]


# --- sandboxes ------------------------------------------------------------------------------------------------------


class Plain:
    """Runs commands as they are, with limits on time and output: what the faulty ones are made from."""

    tier = "none"

    async def probe(self) -> None:
        """Nothing is promised."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        writable: Sequence[Path] = (),
        read_only: Sequence[Path] = (),
        env: Mapping[str, str] | None = None,
        sockets: Sequence[Path] = (),
        limits: Limits | None = None,
    ) -> Completed:
        limits = limits or Limits()
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                cwd=cwd,
                env=self.variables(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            return self.missing()
        try:
            async with asyncio.timeout(self.seconds(limits)):
                out, err = await process.communicate()
        except (TimeoutError, asyncio.CancelledError) as error:
            self.end(process.pid)
            await process.communicate()
            if isinstance(error, asyncio.CancelledError):
                raise
            return Completed(code=137, stdout="", stderr="", limit_hit="timeout_s")
        return self.completed(process.returncode or 0, out, err, limits)

    def variables(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], **(env or {})}

    def missing(self) -> Completed:
        return Completed(code=127, stdout="", stderr="")

    def seconds(self, limits: Limits) -> float:
        return limits.timeout_s

    def end(self, pid: int) -> None:
        os.killpg(pid, signal.SIGKILL)

    def completed(self, code: int, out: bytes, err: bytes, limits: Limits) -> Completed:
        most = limits.output_bytes
        return Completed(
            code=code, stdout=out[:most].decode("utf-8", "replace"), stderr=err[:most].decode("utf-8", "replace")
        )


class LeaksVariables(Plain):
    def variables(self, env: Mapping[str, str] | None) -> dict[str, str]:
        return {**os.environ, **(env or {})}


class RaisesForMissing(Plain):
    def missing(self) -> Completed:
        raise FileNotFoundError("no such command")


class ForgetsTheTime(Plain):
    def seconds(self, limits: Limits) -> float:
        return 5.0


class KillsTheLeaderOnly(Plain):
    def end(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


class KeepsAllOutput(Plain):
    def completed(self, code: int, out: bytes, err: bytes, limits: Limits) -> Completed:
        return Completed(code=code, stdout=out.decode("utf-8", "replace"), stderr=err.decode("utf-8", "replace"))


class StrictText(Plain):
    def completed(self, code: int, out: bytes, err: bytes, limits: Limits) -> Completed:
        return Completed(code=code, stdout=out.decode(), stderr=err.decode())


class OneStream(Plain):
    def completed(self, code: int, out: bytes, err: bytes, limits: Limits) -> Completed:
        return Completed(code=code, stdout=(out + err).decode("utf-8", "replace"), stderr="")


class LetsOneActThrough(Plain):
    """Answers the probe as a sandbox would in which one forbidden act works and nothing useful does; the acts themselves are not done."""

    tier = "isolated"
    act = ""

    async def run(self, argv: Sequence[str], **options: Any) -> Completed:
        names = json.loads(argv[-1])["acts"]
        return Completed(code=0, stdout=json.dumps({name: name == self.act for name in names}), stderr="")


class SandboxSuite(SandboxContract):
    component: ClassVar[type[Plain]] = Plain

    def make_sandbox(self) -> Sandbox:
        return self.component()


@pytest.mark.parametrize(
    ("sandbox", "promise"),
    [
        (LeaksVariables, "test_only_given_variables_are_there"),
        (RaisesForMissing, "test_a_missing_command_is_code_127"),
        (ForgetsTheTime, "test_time_is_limited"),
        (KeepsAllOutput, "test_output_is_limited"),
        (StrictText, "test_output_that_is_no_text_is_no_error"),
        (OneStream, "test_code_and_both_outputs_come_back"),
        (Plain, "test_memory_is_limited"),
        (Plain, "test_what_a_command_leaves_running_is_ended"),
        (LetsOneActThrough, "test_what_code_needs_works"),
    ],
)
def test_faults_of_sandboxes_are_found(broken_promises: Broken, sandbox: type, promise: str) -> None:
    """The promise that the fault breaks is reported."""
    try:
        assert promise in broken_promises(type("Faulty", (SandboxSuite,), {"component": sandbox}), promise)
    finally:
        for left in ("61.25", "62.25"):
            _end(left)


@pytest.mark.parametrize("act", ["connect to a port of the host", "see processes of the host", "hold a capability"])
def test_an_act_that_works_is_named(broken_promises: Broken, act: str) -> None:
    """A sandbox that lets one forbidden act through is told which."""
    leaky = type("Leaky", (LetsOneActThrough,), {"act": act})
    found = broken_promises(
        type("Faulty", (SandboxSuite,), {"component": leaky}), "test_every_forbidden_act_is_refused"
    )
    assert f"code inside could {act}" in found["test_every_forbidden_act_is_refused"]


def _end(marker: str) -> None:
    """End the sleeping process that a faulty sandbox left behind."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if entry.read_bytes().split(b"\0")[:2] == [b"sleep", marker.encode()]:
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except OSError:
            continue
