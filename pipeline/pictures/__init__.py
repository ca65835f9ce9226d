"""Pictures of a graph: mermaid text, and an SVG drawn here."""
