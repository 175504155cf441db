"""Carrying a plan out: the pure engine decides, the coordinator performs, the state manager records."""
