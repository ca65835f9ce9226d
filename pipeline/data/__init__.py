"""Examples: one row of data, where rows come from, and how they are split."""
