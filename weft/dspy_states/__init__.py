"""States of `dspy.Module.save`, both ways.

`counterparts` says what DSPy calls the predictors of a program, `writing` makes a
state of a program, and `reading` fits a state to one.
"""
