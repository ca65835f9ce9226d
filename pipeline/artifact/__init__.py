"""Programs as files: written, read, fitted, compared, versioned, packaged, exported."""
