"""Records what another backend answers, and plays it back without key or network."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, evolve, field

from agent_dispatcher.errors import BackendError, ConfigError, Problem
from agent_dispatcher.extension import LlmReply, LlmRequest, PricedAs, Services
from agent_dispatcher.extension.components import LlmBackend
from agent_dispatcher.llm import priced_as
from agent_dispatcher.provenance import Scrubber, scrubber_of

from ..options import RecordedOptions
from .normalizing import Normalizer, digest, sent
from .recording import Exchange, Recording

__all__ = ["RecordedBackend"]


@define
class RecordedBackend:
    """Stands before another backend, which is made when it is first asked; to play back it is not needed.

    Replies are recorded, failures are not. What is recorded holds no key that the run knows of, in the request or in the reply, and none of the other
    backend.

    Attributes:
        mode: see :class:`RecordedOptions`.
        recording: the file.
        normalizer: decides which requests are the same, and takes out keys.
    """

    mode: str
    recording: Recording
    _other: Callable[[], LlmBackend]
    normalizer: Normalizer = field(factory=lambda: Normalizer.here(Scrubber()))
    _begun: set[str] = field(factory=set)

    @classmethod
    def open(cls, options: RecordedOptions, services: Services) -> RecordedBackend:
        """For the dispatcher.

        Raises:
            ConfigError: the recording cannot be read, or there is nothing to record.
        """
        if options.mode == "record" and not options.backend:
            what = 'there is nothing to record: [options."llm:recorded"] names no backend'
            raise ConfigError(Problem(what, services.config.where("options.llm:recorded"), 'backend = "openai"'))
        if options.backend == "recorded":
            what = 'a recording of itself: [options."llm:recorded"] backend names recorded'
            raise ConfigError(Problem(what, services.config.where("options.llm:recorded.backend")))
        name = options.backend
        recording = Recording.open(options.file, must_exist=options.mode == "replay" or not name)
        made = cls(options.mode if name else "replay", recording, lambda: services.component("llm", name))
        if made.mode == "record":
            made._other()  # what cannot work is said before the first question
        made.normalizer = Normalizer.here(scrubber_of(services.config))
        return made

    @property
    def secrets(self) -> tuple[str, ...]:
        """The keys that the other backend holds. None where it may never be asked: then it is not made for this, and what it says later is cleaned of them here."""
        return _held(self._other()) if self.mode == "record" else ()

    def priced_as(self, request: LlmRequest) -> PricedAs:
        """What is played back costs nothing; else as the other backend has it."""
        played = self.mode != "record" and self.recording.knows(digest(self.normalizer.request(request)))
        if played or self.mode == "replay":
            return PricedAs(model=request.model or "recorded", free=True)
        return priced_as(self._other(), request)

    async def complete(self, request: LlmRequest) -> LlmReply:
        """The recorded reply, or that of the other backend, which is then recorded.

        Raises:
            BackendError: the request is not in the recording and nobody else may be asked; or the other backend's own.
        """
        normal, key, exact = self._named(request)
        if self.mode != "record":
            played = self.recording.play(key, exact)
            if played is not None:
                return played
            if self.mode == "replay":
                raise BackendError(self._unknown(normal), sort="permanent")
        other = self._other()
        scrubber = self.normalizer.scrubber.knowing(_held(other))
        if scrubber is not self.normalizer.scrubber:
            self.normalizer = evolve(self.normalizer, scrubber=scrubber)
            normal, key, exact = self._named(request)
        try:
            reply = scrubber.reply(await other.complete(request))
        except Exception as error:
            scrubber.error(error)
            raise
        if self.mode == "record" and key not in self._begun:
            self.recording.forget(key)
        self._begun.add(key)
        self.recording.add(Exchange(key=key, exact=exact, purpose=request.purpose, request=sent(normal), reply=reply))
        return reply

    def _named(self, request: LlmRequest) -> tuple[LlmRequest, str, str]:
        """A request as it is compared, its key, and the digest of it as it was."""
        normal = self.normalizer.request(request)
        return normal, digest(normal), digest(self.normalizer.exact(request))

    def _unknown(self, request: LlmRequest) -> str:
        where = f"{self.recording.path}: this request was not recorded (purpose {request.purpose!r})"
        remedy = 'record it with [options."llm:recorded"] mode = "auto" and a backend'
        found = self.recording.nearest(sent(request), request.purpose)
        if found is None:
            return f"{where}: the recording is empty ({remedy})"
        exchange, difference = found
        return f"{where}. The nearest of {len(self.recording)} (purpose {exchange.purpose!r}): {difference} ({remedy})"


def _held(backend: LlmBackend) -> tuple[str, ...]:
    return tuple(map(str, getattr(backend, "secrets", ())))
