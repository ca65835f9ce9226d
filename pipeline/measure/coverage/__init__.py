"""Coverage: how often answers are wrong where only the surest are given."""
