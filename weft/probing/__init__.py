"""What `weft probe` finds out by calls: which forms a model follows, what it takes."""
