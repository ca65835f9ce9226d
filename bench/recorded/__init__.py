"""Replies of real models to fixed prompts, kept as a corpus for the parsers."""
