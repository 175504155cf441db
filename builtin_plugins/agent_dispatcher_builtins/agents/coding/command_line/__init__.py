"""Agents that are a command, and tell what they do in lines of JSON."""
