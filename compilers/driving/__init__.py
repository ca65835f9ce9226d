"""One compile from quote to verification: plan, rows, budget, journal, checks."""
