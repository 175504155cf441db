"""Plans as files: read, written, and said in the words of other formats."""

from __future__ import annotations

from pathlib import Path

from ..extension.components import PlanRenderer
from ..models import ExecutionPlan
from ..planning.conversion import Conversion, WritingFormat, convert
from .choices import Choices
from .history import learn

__all__ = ["PlanFiles"]


class PlanFiles:
    """The part of a dispatcher that knows plans by their files."""

    _choose: Choices

    def read_plan(self, path: Path) -> ExecutionPlan:
        """The plan in a file that ``plan --output`` wrote, maybe edited since; its specification is read again.

        Raises:
            PlanError: the file is no valid plan, or the specification has changed since the plan was made.
        """
        from ..planning.plan_json import plan_from_json
        from ..safe_load import plain_json, read_text

        document = plain_json(read_text(path), source=str(path))
        return plan_from_json(
            document,
            plan_path=path,
            load_specification=self._choose.load,
            durations=learn(self._choose.config.planning.learn_from_runs),
        )

    def write_plan(self, plan: ExecutionPlan, path: Path) -> None:
        """Write a plan as the end of the file's name says: ``.json`` is a plan file, others are what active reporters can show a plan as.

        Raises:
            UsageError: its folder does not exist, or nobody writes such files.
        """
        from ..planning.plan_file import write_plan

        write_plan(plan, path, [each for _, each in self._choose.all("reporter") if isinstance(each, PlanRenderer)])

    def convert(self, plan: ExecutionPlan, to: str) -> Conversion:
        """The plan in the words of the specification format ``to``, and what those cannot say.

        Raises:
            UsageError: no format of that name writes plans; names the active ones that do.
            PlanError: that format cannot hold this plan.
        """
        return convert(plan, to, self.plan_writer(to))

    def plan_writer(self, name: str) -> WritingFormat:
        """The specification format in which :meth:`convert` writes; to name it is enough, it need not be an active one.

        Raises:
            UsageError: no format of that name writes plans; names the active ones that do.
        """
        return self._choose.plan_writer(name)
