"""A function becomes a graph, checked call by call; graphs are edited and compared."""
