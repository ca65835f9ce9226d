"""The commands of `weft`: words in, an `Outcome` back, nothing printed.

`table` says what can be written on the command line and which function obeys it;
`targets` and `arguments` turn it into programs, metrics and values; `output` is what a
command hands back. `weft.cli` does the printing.
"""
