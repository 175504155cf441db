"""JavaScript and TypeScript: commands of the tools that are installed."""
