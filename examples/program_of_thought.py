"""A program of thought: arithmetic that a model writes as code, run in a sandbox.

    python examples/program_of_thought.py                              on a script
    python examples/program_of_thought.py --model openai/gpt-5-mini    on a model

Needs `pip install 'pydantic-monty>=1.4'`. Offline a fixed script answers in
place of a model: the sandbox and the module are real, the code was written beforehand.
Its first program errs, and is mended.
"""

import argparse

import weft


class Solve(weft.Signature):
    """Solve the problem."""

    problem: str = weft.Input()
    numbers: list[float] = weft.Input("the measurements, in order")
    answer: float = weft.Output("rounded to two decimals")


PROBLEM = "What is the standard deviation of the measurements, as of a sample?"
NUMBERS = [4.1, 3.8, 5.0, 4.4, 4.9, 3.7]


FIRST = "import statistics\nsubmit(round(statistics.stdev(numbers), 2))"
SECOND = """\
import math
mean = sum(numbers) / len(numbers)
squares = sum((n - mean) ** 2 for n in numbers)
print(mean, squares)
submit(round(math.sqrt(squares / (len(numbers) - 1)), 2))"""
SCRIPT = [
    {"thought": "The library has it.", "code": FIRST},
    {"thought": "That module is not there; by hand, with n - 1.", "code": SECOND},
]


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Solve a problem by code that a model writes."
    )
    parser.add_argument("--model", help="such as openai/gpt-5-mini")
    model = parser.parse_args().model
    limits = weft.Sandbox(seconds=2, memory=50_000_000)
    solve = weft.ProgramOfThought(Solve, tries=3, sandbox=limits, name="solve")
    lm = model or weft.ScriptedLM(SCRIPT)
    with weft.use(lm=lm, cache=True if model else None):
        run = solve.run(problem=PROBLEM, numbers=NUMBERS)
    for step in weft.code_steps_of(run.value):
        print(f"# {step.thought}\n{step.code}\n-> {step.error or step.printed.strip()}")
    print(f"{run.value.answer} in {len(run.trace.calls)} calls")


if __name__ == "__main__":
    main()
