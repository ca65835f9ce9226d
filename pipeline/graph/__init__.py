"""Programs: a function traced once, call by call, into a graph of modules and steps."""
