"""From a specification to a plan: frozen values in, frozen values out. No agent runs here.

::

    Specification ─TaskDecomposer─▶ Decomposition ─DependencyResolver─▶ Resolution ─ExecutionGraph─▶ make_plan ─▶ ExecutionPlan
"""
