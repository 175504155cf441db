"""Changes of OpenSpec: a proposal, a list of tasks, and what becomes of the requirements."""
