"""Which candidates get rows, and which go on: racers, selectors, samplers, credit."""
