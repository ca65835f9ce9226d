"""The commands of `weft`, one file each; words in, an `Outcome` back, nothing printed.

`targets` and `names` turn words into programs, metrics and values; `output` is what a
command hands back. `weft.cli` knows the words and does the printing.
"""
