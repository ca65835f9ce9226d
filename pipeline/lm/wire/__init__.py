"""A call on the wire: bodies, events, refusals and the clients that carry them."""
