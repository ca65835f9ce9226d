"""Types: compared as a checker would, put in words, made from JSON Schemas."""
