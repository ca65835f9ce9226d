"""Reading what a model wrote: text in, values and notes of what was mended out.

A pure layer below fields and adapters. Each part reads one kind of slip, and all keep
one rule: what a reply plainly means is read at no further call; between two readings
nothing is guessed. Each takes time in line with the text, and bounded depth.
"""
