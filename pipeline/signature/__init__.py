"""Signatures: what a program and a model agree on, its fields and their types."""

from .building import Input, Output
from .signature import Signature, SignatureMeta

__all__ = ["Input", "Output", "Signature", "SignatureMeta"]
