"""The commands of `weft`, one file each; words in, an `Outcome` back, nothing printed.

`words` and the files `words_*` say what can be written on the command line;
`targets` and `names` turn it into programs, metrics and values; `output` is what a
command hands back. `weft.cli` does the printing.
"""
