"""Texts as vectors: who makes them, how they are asked for, and how they are kept."""
