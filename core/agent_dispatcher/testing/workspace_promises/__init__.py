"""The promises of workspaces by subject; :class:`agent_dispatcher.testing.WorkspaceContract` has them all."""
