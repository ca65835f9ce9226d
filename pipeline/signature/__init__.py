"""Signatures: what a program and a model agree on, its fields and their types."""

from .signature import Input, Output, Signature, SignatureMeta

__all__ = ["Input", "Output", "Signature", "SignatureMeta"]
