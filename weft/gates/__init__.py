"""Tests of prompts before and after they ship: worse inputs, attacks, and a gate.

`noise` writes rows as people do, `edges` makes inputs that nobody thought of, `attacks`
plants orders in inputs that are not trusted, and `gate` runs all of them and says pass
or fail. `agreement`, `side_by_side` and `novelty` look at answers: whether they are the
same each time, how they differ between prompts, and which inputs are like no row.
"""
