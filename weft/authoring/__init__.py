"""What people do around a compile: write prompts, have them read, ask, collect rows.

Each is one call, and where somebody would type it one command. What a model writes here
is a proposal: it comes back as a value, and no file and no program is overwritten.
"""
