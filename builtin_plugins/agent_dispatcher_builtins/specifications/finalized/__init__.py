"""The output of a refinement session, from a file, a dict or a :class:`~agent_dispatcher.models.FinalizedSpecification`; see ``docs/formats-finalized.md``."""
