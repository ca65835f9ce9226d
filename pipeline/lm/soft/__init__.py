"""What is trained and goes along with a program: soft words, and low-rank updates.

`words` and `lora` are the values that a module holds: vectors that stand in a prompt as
words with names of their own, and changes of a model's weights. `file` says how their
numbers lie on disk, `known` which model has which. Nothing here computes with them:
that is `pipeline/lm/white`.
"""
