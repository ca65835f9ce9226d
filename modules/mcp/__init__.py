"""MCP, the Model Context Protocol: tools of other programs, and programs as tools."""
