"""The offline stand-in model: a small in-context learner over the words of a prompt."""
