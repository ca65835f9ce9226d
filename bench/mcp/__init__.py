"""MCP: the published conformance scenarios, and how many of them hold."""
