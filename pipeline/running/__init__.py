"""How nodes, regions, steps and many rows run: asynchronous, in order, bounded."""
