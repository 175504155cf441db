"""Places to work in: a git repository with a worktree for each attempt, or plain folders."""
