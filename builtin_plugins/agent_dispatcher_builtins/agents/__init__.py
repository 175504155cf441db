"""The agents that come along: a writer of code, a tester, a researcher, and coding agents that exist already."""
