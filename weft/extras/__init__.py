"""What needs a library of its own: rows on Ray, spans for OpenTelemetry."""
