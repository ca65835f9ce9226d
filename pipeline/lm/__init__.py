"""Calling models: requests, back ends, cache, retries and prices."""
