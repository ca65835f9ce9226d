"""Finished runs as data: a log file, its reader, and spans for OpenTelemetry."""
