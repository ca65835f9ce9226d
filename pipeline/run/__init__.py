"""How a program runs: in order, side by side, bounded; and what a run leaves behind."""
