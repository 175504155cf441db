"""Messages between agents and observers, in memory with durable topics in the log."""
