"""The plugins that come with Agent Dispatcher. Each registers through the same entry points as a stranger's package."""
