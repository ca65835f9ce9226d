"""Ways of calling a model, in rooms by family."""
