"""Customer service of an airline: an agent that books, looks up, cancels and escalates.

    python examples/airline.py                          offline, on a script
    python examples/airline.py --model local/smollm2    on a model

The tools are typed functions over a desk that they are given. Nothing is cancelled
before a person agrees: the run ends there, is kept as JSON, and goes on later. Offline
a script answers in place of a model; what its choices do is real.
"""

import argparse
import datetime
import json
import textwrap
from dataclasses import dataclass, field
from typing import Any

import pydantic

import weft


class Flight(pydantic.BaseModel):
    """A flight that can be booked."""

    id: str
    departs: datetime.datetime
    origin: str
    destination: str
    hours: float
    price: int


class Booking(pydantic.BaseModel):
    """A seat that was booked."""

    code: str
    passenger: str
    flight: Flight


FLIGHTS = [
    Flight(
        id=name,
        departs=datetime.datetime.fromisoformat(when),
        origin=origin,
        destination=destination,
        hours=hours,
        price=price,
    )
    for name, when, origin, destination, hours, price in [
        ("WF 101", "2027-05-03T07:10", "LIS", "OSL", 4.5, 180),
        ("WF 103", "2027-05-03T15:40", "LIS", "OSL", 4.0, 240),
        ("WF 220", "2027-05-04T09:00", "OSL", "TOS", 2.0, 95),
    ]
]


@dataclass
class Desk:
    """What the agent works on: members, bookings and tickets."""

    members: dict[str, str] = field(default_factory=lambda: {"Mina Kvist": "M-204"})
    bookings: dict[str, Booking] = field(default_factory=dict[str, Booking])
    tickets: list[str] = field(default_factory=list[str])


def tools_over(desk: Desk) -> list[Any]:
    """The agent's tools; all that they can touch is this desk."""

    @weft.tool
    def find_flights(origin: str, destination: str, day: datetime.date) -> list[Flight]:
        """The flights of a day, the shortest first and the cheaper of equals.

        Args:
            origin: The airport's three letters.
            destination: The airport's three letters.
            day: As YYYY-MM-DD.
        """
        there = [
            flight
            for flight in FLIGHTS
            if (flight.origin, flight.destination) == (origin, destination)
            and flight.departs.date() == day
        ]
        return sorted(there, key=lambda flight: (flight.hours, flight.price))

    @weft.tool
    def book(flight: str, passenger: str) -> Booking:
        """Book a seat for a member."""
        if passenger not in desk.members:
            raise ValueError(f"{passenger!r} is no member")
        (found,) = (each for each in FLIGHTS if each.id == flight)
        code = f"B{len(desk.bookings) + 1:03}"
        made = Booking(code=code, passenger=passenger, flight=found)
        desk.bookings[code] = made
        return made

    @weft.tool
    def look_up(code: str) -> Booking:
        """A booking by its code."""
        return desk.bookings[code]

    @weft.tool(approval=True)
    def cancel(code: str) -> str:
        """Cancel a booking for good."""
        del desk.bookings[code]
        return f"{code} is cancelled"

    @weft.tool
    def file_ticket(request: str) -> str:
        """Hand a request that no tool can serve to a person."""
        desk.tickets.append(request)
        return f"ticket {len(desk.tickets)}"

    return [find_flights, book, look_up, cancel, file_ticket]


class Serve(weft.Signature):
    """Help a member of the airline to book and to change flights.

    What no tool can do goes to a person, as a ticket.
    """

    request: str = weft.Input("as the member wrote it")
    answer: str = weft.Output("what was done, with the codes that the member needs")


def decided(agent: weft.ReAct[..., Any], request: str, ask: bool) -> Any:
    """The agent's answer, with a person where one is needed."""
    try:
        return agent(request=request)
    except weft.Suspended as error:
        stopped = error
    while True:
        kept = json.dumps(stopped.data)  # may lie in a database until somebody decides
        print(
            "  needs approval:", stopped.pending["tool"], stopped.pending["arguments"]
        )
        agreed = not ask or input("  agree? [y/n] ").startswith("y")
        try:
            return weft.resume(agent, kept, approved=agreed or "We must not.").value
        except weft.Suspended as error:
            stopped = error


def serve(agent: weft.ReAct[..., Any], request: str, ask: bool) -> None:
    """One request from beginning to end, with its steps."""
    print(f"\n> {request}")
    made = decided(agent, request, ask)
    for step in made.trajectory:
        if step.tool == "submit":
            continue
        arguments = ", ".join(f"{k}={v!r}" for k, v in step.arguments.items())
        seen = textwrap.shorten(step.error or step.observation, 50)
        print(f"  {step.tool}({arguments}) -> {seen}")
    print(f"  {made.answer}")


REQUESTS = [
    "I'm Mina Kvist. Lisbon to Oslo on 3 May 2027, please, whatever is shortest.",
    "Sorry, the morning flight after all. Please change B001.",
    "Can my cat travel in the cabin?",
]


def move(thought: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """A step as a model writes it."""
    return {"thought": thought, "tool": tool, "arguments": arguments}


ROUTE = {"origin": "LIS", "destination": "OSL", "day": "2027-05-03"}
SCRIPT = [
    move("What flies that day?", "find_flights", **ROUTE),
    move("WF 103 is shortest.", "book", flight="WF 103", passenger="Mina"),
    move("Whole names only.", "book", flight="WF 103", passenger="Mina Kvist"),
    move("Booked.", "submit", answer="You fly at 15:40 with WF 103. Your code: B001."),
    move("What is B001?", "look_up", code="B001"),
    move("WF 101 leaves at 7.", "book", flight="WF 101", passenger="Mina Kvist"),
    move("The old seat must go.", "cancel", code="B001"),
    move("Changed.", "submit", answer="You fly at 07:10 with WF 101. Your code: B002."),
    move("No tool knows of cats.", "file_ticket", request="A cat in the cabin?"),
    move("Handed over.", "submit", answer="A colleague will tell you: ticket 1."),
]


def main() -> None:
    parser = argparse.ArgumentParser(description="Customer service of an airline.")
    parser.add_argument(
        "--model", help="such as openai/gpt-5-mini; a script without it"
    )
    model = parser.parse_args().model
    desk = Desk()
    agent = weft.ReAct(Serve, tools=tools_over(desk), max_steps=6, name="agent")
    with weft.use(lm=model or weft.ScriptedLM(SCRIPT), cache=True if model else None):
        for request in REQUESTS:
            serve(agent, request, ask=model is not None)
    print("\nbooked:", {code: made.flight.id for code, made in desk.bookings.items()})
    print("tickets:", desk.tickets)


if __name__ == "__main__":
    main()
