"""Log-probabilities: of the tokens of a reply, and of given answers to a prompt."""
