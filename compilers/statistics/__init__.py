"""What few rows can tell: scores on rows not seen, planned looks, and what is luck."""
