"""Specifications of Kiro and of cc-sdd: a folder with requirements, a design and a list of tasks."""
