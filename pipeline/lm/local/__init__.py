"""Models that run on this machine: GGUF files, served by llama.cpp in a child process.

`weights` finds the file, `gguf` reads what it says of itself, `model` settles what is
served and under what name, `server` starts the child and outlives none of it, `llama`
is the program that the child runs, and `calls` asks it. No other file than `llama`
knows the wheel that llama.cpp comes in.
"""
