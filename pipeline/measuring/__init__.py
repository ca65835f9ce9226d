"""What measuring needs: rows and their sources, scores, intervals, comparisons."""
