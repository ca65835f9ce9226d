"""What a call holds beside text: images, audio, files, documents, and earlier turns.

Data is kept once, in memory, and goes to a model and nowhere else: requests' keys,
caches, journals, traces and demos hold its SHA-256, its type and its size.
"""
