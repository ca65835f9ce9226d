"""What stands between a program and the wire: cache, budget, limits and retries."""
