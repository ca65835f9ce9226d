"""Contenders, each run in a process of its own under the interpreter that holds it."""
