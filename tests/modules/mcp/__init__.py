"""MCP: servers as tools, programs as servers; with real processes."""
