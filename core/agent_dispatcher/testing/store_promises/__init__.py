"""The promises of stores by subject; :class:`agent_dispatcher.testing.StoreContract` has them all."""
