"""Proposers: where a compiler's new candidates come from."""
