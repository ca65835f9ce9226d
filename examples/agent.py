"""An agent that rebooks travellers: it looks trips up, finds trains, and changes them.

    python examples/agent.py                              offline, on a script
    python examples/agent.py --model openai/gpt-5-mini    on a model

The tools are typed functions over data that they were given; nothing else can change.
Offline a fixed script answers in place of a model: what the agent does is real, what it
chooses was written down beforehand.
"""

import argparse
from typing import Any

import pydantic

import weft


class Trip(pydantic.BaseModel):
    """A booked trip."""

    traveller: str
    train: str
    day: str


TRIPS = {
    "K7F2": Trip(traveller="Ada Finch", train="NX 12", day="Monday"),
    "P3QX": Trip(traveller="Tom Reed", train="NX 40", day="Friday"),
}
SEATS = {("NX 12", "Tuesday"): 0, ("NX 14", "Tuesday"): 5, ("NX 40", "Sunday"): 2}


class Rebook(weft.Signature):
    """Do what the traveller asks, as far as there are seats."""

    request: str = weft.Input("as the traveller wrote it")
    done: bool = weft.Output("whether the trip was changed")
    reply: str = weft.Output("one sentence to the traveller")


def tools_over(trips: dict[str, Trip]) -> list[Any]:
    """The tools; `change` changes these trips, and nothing else."""

    @weft.tool
    def trip(code: str) -> Trip:
        """Look up a trip.

        Args:
            code: Four letters and digits, as on the ticket.
        """
        return trips[code]

    @weft.tool
    def trains(day: str) -> dict[str, int]:
        """The free seats of each train on a day of the week."""
        return {train: free for (train, on), free in SEATS.items() if on == day}

    @weft.tool
    def change(code: str, train: str, day: str) -> Trip:
        """Move a trip to another train, if that one has a free seat."""
        if SEATS.get((train, day), 0) < 1:
            raise ValueError(f"no seat on {train} on {day}")
        trips[code] = trips[code].model_copy(update={"train": train, "day": day})
        return trips[code]

    return [trip, trains, change]


def step(thought: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """A step of the script, by field."""
    return {"thought": thought, "tool": tool, "arguments": arguments}


SCRIPT = [
    step("Which trip is it?", "trip", code="k7f2"),
    step("Codes have capitals.", "trip", code="K7F2"),
    step("What runs on Tuesday?", "trains", day="Tuesday"),
    step("NX 14 has seats.", "change", code="K7F2", train="NX 14", day="Tuesday"),
    step(
        "It is done.",
        "submit",
        done=True,
        reply="You now travel on Tuesday, with NX 14.",
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebook a traveller.")
    parser.add_argument("--model", help="such as openai/gpt-5-mini")
    model = parser.parse_args().model
    trips = dict(TRIPS)
    agent = weft.ReAct(Rebook, tools=tools_over(trips), max_steps=8, name="agent")
    lm = model or weft.ScriptedLM(SCRIPT)
    with weft.use(lm=lm, cache=True if model else None):
        run = agent.run(request="I am on K7F2. Can I travel a day later?")
    for step in weft.trajectory_of(run.value):
        arguments = ", ".join(f"{k}={v!r}" for k, v in step.arguments.items())
        print(f"{step.tool}({arguments}) -> {step.error or step.observation}")
    print(f"{run.value.reply} [{trips['K7F2'].day}, {trips['K7F2'].train}]")


if __name__ == "__main__":
    main()
