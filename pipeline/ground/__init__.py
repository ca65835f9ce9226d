"""What every other part stands on: strict JSON, options, lazy names, whole files."""
