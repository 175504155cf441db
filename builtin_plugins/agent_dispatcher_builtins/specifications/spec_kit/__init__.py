"""The format of spec-kit: a feature folder with ``spec.md``, ``plan.md`` and ``tasks.md``, as people really write them."""
