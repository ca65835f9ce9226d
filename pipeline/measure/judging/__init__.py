"""Judges as metrics, and how far judges agree with people."""
