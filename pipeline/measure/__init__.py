"""Measuring: metrics, scores with their intervals, comparisons."""
