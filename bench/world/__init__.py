"""A simulated model, so that compilers can be compared without a key.

It is a pure function of the rendered messages and a sample number. It has hidden
rules, a vocabulary drawn anew for every seed, and beliefs that sentences and solved
cases move; asked to write an instruction, it states the rules that the cases in front
of it show. It says nothing about any real model: what it gives is the same task, with
the same noise, to everybody, and exact counts of what each paid.

    draw       chance that repeats, words nobody has seen
    tasks      hidden rules and rows
    form       which fields a prompt asks for, and how they are set apart
    reading    cases, answers and stated rules in a prompt, by content
    advice     what general advice does
    answering  belief and answer
    lessons    what a writer learns from cases
    writing    instructions, rules, observations, advice
    model      all of it as one function
    hosting    the function behind an HTTP address, with counts
"""

from __future__ import annotations

from .model import Reply, reply_to, tokens
from .tasks import TASKS, Split, World, world_of

__all__ = ["TASKS", "Reply", "Split", "World", "reply_to", "tokens", "world_of"]
