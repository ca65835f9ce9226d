"""Soft words: trained vectors that stand in a prompt as words with names of their own.

`words` is the value that a module holds, `file` how the vectors lie on disk. Nothing
here computes with them: that is `pipeline/lm/white`.
"""
