"""What a search is made of: candidates, the task under way, its rows and its money."""
