"""Scoring answers in a run: of a model by itself, and of a module's choices."""
