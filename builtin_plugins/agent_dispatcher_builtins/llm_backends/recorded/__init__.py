"""Replies that were recorded, played back without a model."""
