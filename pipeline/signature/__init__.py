"""Signatures: typed fields and an instruction; their types in words and schemas."""
