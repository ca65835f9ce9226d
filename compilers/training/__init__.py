"""Proposers that train: vectors, words and weights of a model in this process.

They learn from the replies that rows want, as the adapter writes them, and race like
any other candidate. No file here imports torch: what computes is `pipeline/lm/white`.
"""
