"""Proposers for what decides by probabilities: its rules and its answer words.

They ask no writer. A rule is fitted to what every choice would score, words are found
in what the server shows of labelled rows.
"""
