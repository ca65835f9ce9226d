"""What a compile found, as text, page and JSON."""
