"""Which of the components that are there are used: for planning, and for a run before it has a session."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from ..config import Config
from ..errors import ConfigError, PluginError, Problem, Unavailable, UnknownComponentError, UsageError
from ..extension.components import AgentType, Language, StatusWriter, Wishes
from ..extension.registry import Components, Registry
from ..llm import ActiveBackend, active_backend
from ..models import FinalizedSpecification, Specification, Task
from ..planning.conversion import WritingFormat
from ..planning.sources import load_mapping, load_path
from ..planning.wishes import combine
from ..workspace.source_statuses import SourceFormat

__all__ = ["Choices", "Source"]

log = logging.getLogger(__name__)

#: What can be planned: a path, or a specification in one of its forms.
Source = str | Path | Specification | FinalizedSpecification | Mapping[str, Any]


@frozen(eq=False)
class Choices:
    """Chooses as configuration and specification say.

    Attributes:
        config: what is configured.
        registry: what is offered.
        components: what was made of it; lives as long as the dispatcher.
    """

    config: Config
    registry: Registry
    components: Components

    def all(self, kind: str) -> list[tuple[str, Any]]:
        """The active components of a kind by name, without those that cannot work here."""
        found = []
        for name in self.registry.active(kind):
            try:
                found.append((name, self.components.get(kind, name)))
            except Unavailable as error:
                log.warning("%s %r is left out: %s", kind.replace("_", " "), name, error)
        return found

    def load(self, source: Source) -> Specification:
        """The specification, read by the format that knows it.

        Raises:
            UsageError: the path does not exist.
            SpecificationError: it cannot be read; says every place.
        """
        if isinstance(source, Specification):
            return source
        if isinstance(source, FinalizedSpecification):
            source = asdict(source)
        formats = self.all("specification_format")
        return load_mapping(source, formats) if isinstance(source, Mapping) else load_path(Path(source), formats)

    def wishes(self) -> Wishes:
        """What the options of the active agent types ask of planning."""
        wishes = []
        for name in self.registry.active("agent_type"):
            component = self.registry.offered("agent_type", name).component
            if isinstance(component, AgentType):
                wishes.append(component.wishes(self.registry.options("agent_type", name)))
        return combine(wishes)

    def language(self, specification: Specification) -> Language | None:
        """The language to build in: the specification's, the configured one, what an agent wishes, or the first in rank."""
        if self.is_foreign(specification):
            return None
        active = self.registry.active("language")
        wanted = specification.language or self.config.use.language or self.wishes().language
        if wanted:
            try:
                self.registry.offered("language", wanted)
            except UnknownComponentError as error:
                if wanted != specification.language or not specification.path:
                    raise
                text = f"{specification.path}: language: {error}"
                raise UnknownComponentError(text, kind="language", component=wanted, matches=error.matches) from error
            active = [wanted]
        if not active:
            return None
        language: Language = self.components.get("language", active[0])
        return language

    def some_language(self, specification: Specification, found: list[Problem]) -> Language | None:
        """The language; where the configuration is wrong (``found`` says so), the one that would be used without it."""
        try:
            return self.language(specification)
        except ConfigError:
            return next((language for _, language in self.all("language")), None)
        except PluginError as error:
            if str(error) not in [problem.what for problem in found]:
                found.append(Problem(str(error)))
            return None

    def unspoken(self, specification: Specification, tasks: Iterable[Task]) -> str:
        """A warning where nobody named a language and ``tasks`` promise files of another one only; ``""`` where all is well."""
        if specification.language or self.config.use.language:
            return ""
        used = self.language(specification)
        paths = sorted({ref.name for task in tasks for ref in task.produces if ref.type == "path"})
        if used is None or any(used.is_source(path) for path in paths):
            return ""
        others = {name: language for name, language in self.all("language") if name != used.name}
        foreign = [path for path in paths if any(language.is_source(path) for language in others.values())]
        if not foreign:
            return ""
        known = [name for name, language in others.items() if language.is_source(foreign[0])]
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        return (
            f"no language is named, and {used.name}, which is taken, neither compiles nor tests {foreign[0]}{more}: "
            f"set [use] language to {' or '.join(known)}"
        )

    def is_foreign(self, specification: Specification) -> bool:
        """Whether it names a language that nobody offers and can be planned all the same, as it does not leave the code to a generator."""
        named = specification.language
        if not named or specification.behaviour is not None:
            return False
        return all(offered.name != named for offered in self.registry.offers("language"))

    def llm(self) -> ActiveBackend | None:
        """The model backend in use; ``None`` without one."""
        return active_backend(self.config, self.registry, self.components)

    def some_llm(self, found: list[Problem]) -> ActiveBackend | None:
        """The model backend; ``None`` when there is none or it cannot be used, with the reasons added to ``found``."""
        try:
            return self.llm()
        except ConfigError as error:
            found += error.problems
        except PluginError as error:
            if str(error) not in [problem.what for problem in found]:
                found.append(Problem(str(error)))
        return None

    def source_format(self, specification: Specification) -> SourceFormat | None:
        """The format that can write statuses into the specification's source, if its own can."""
        kind, name = "specification_format", specification.format
        if not specification.path or name not in self.registry.active(kind):
            return None
        format: SourceFormat = self.components.get(kind, name)
        return format if isinstance(format, StatusWriter) else None

    def plan_writer(self, name: str) -> WritingFormat:
        """The specification format in which a plan can be written; to name it is enough, it need not be an active one.

        Raises:
            UsageError: no format of that name writes plans; names the active ones that do.
        """
        kind = "specification_format"
        formats = dict(self.all(kind))
        if name not in formats and any(offered.name == name for offered in self.registry.offers(kind)):
            formats[name] = self.components.get(kind, name)
        writers = {each: format for each, format in formats.items() if isinstance(format, WritingFormat)}
        if name not in writers:
            known = ", ".join(sorted(writers)) or "none"
            raise UsageError(f"no plan can be written in the format {name!r}; the formats that can: {known}")
        return writers[name]
