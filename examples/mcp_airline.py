"""An agent of an airline whose tools are those of an MCP server, another process.

    python examples/mcp_airline.py                              offline, on a script
    python examples/mcp_airline.py --model openai/gpt-5-mini    on a model
    python examples/mcp_airline.py serve                        the server alone

Needs `pip install 'mcp>=2.3'`. The server is this file, too: six typed functions, which
`weft.mcp.serve` offers to any client of the Model Context Protocol. The agent starts
it, asks it what it has, and books. Offline a fixed script answers in place of a model:
server, calls and bookings are real, what the agent chooses was written down beforehand.
"""

import argparse
import sys
from typing import Any

import pydantic

import weft


class Flight(pydantic.BaseModel):
    """A flight that can be booked."""

    number: str
    origin: str
    destination: str
    day: str
    leaves: str
    price: float


class Booking(pydantic.BaseModel):
    """A seat that somebody has."""

    code: str
    passenger: str
    flight: Flight


FLIGHTS = [
    Flight(number="KT101", origin="Ulm", destination="Bergen", day="2026-03-02",
           leaves="07:40", price=210.0),
    Flight(number="KT105", origin="Ulm", destination="Bergen", day="2026-03-02",
           leaves="13:15", price=145.0),
    Flight(number="KT207", origin="Bergen", destination="Ulm", day="2026-03-09",
           leaves="18:05", price=160.0),
]  # fmt: skip
PASSENGERS = {"Ada Finch": "ada@example.org", "Tom Reed": "tom@example.org"}
BOOKED: dict[str, Booking] = {}
TICKETS: list[str] = []


@weft.tool
def find_flights(origin: str, destination: str, day: str) -> list[Flight]:
    """The flights between two towns on a day.

    Args:
        origin: Where it leaves.
        destination: Where it lands.
        day: As 2026-03-02.
    """
    where = (origin, destination, day)
    return [one for one in FLIGHTS if (one.origin, one.destination, one.day) == where]


@weft.tool
def passenger(name: str) -> str:
    """The address of a passenger whom the airline knows, by the whole name."""
    return PASSENGERS[name]


@weft.tool
def book(flight: str, name: str) -> Booking:
    """Book a seat; the booking has a code.

    Args:
        flight: Its number.
        name: Of a passenger whom the airline knows.
    """
    if name not in PASSENGERS:
        raise ValueError(f"there is no passenger {name!r}: give the whole name")
    found = next(one for one in FLIGHTS if one.number == flight)
    code = f"B{len(BOOKED) + 1:03d}"
    BOOKED[code] = Booking(code=code, passenger=name, flight=found)
    return BOOKED[code]


@weft.tool
def booking(code: str) -> Booking:
    """Look a booking up by its code."""
    return BOOKED[code]


@weft.tool
def cancel(code: str, name: str) -> str:
    """Cancel a booking of a passenger."""
    if BOOKED[code].passenger != name:
        raise PermissionError("it is somebody else's")
    return f"{BOOKED.pop(code).flight.number} is cancelled"


@weft.tool
def file_ticket(request: str, name: str) -> str:
    """Hand what no other tool can do to a person; gives the ticket's number."""
    TICKETS.append(f"{name}: {request}")
    return f"T{len(TICKETS):03d}"


TOOLS = [find_flights, passenger, book, booking, cancel, file_ticket]


class Airline(weft.Signature):
    """Do what the passenger asks, with the tools of the airline.

    Where something is missing, look it up; what no tool can do becomes a ticket.
    """

    request: str = weft.Input("as the passenger wrote it")
    reply: str = weft.Output("what was done, with every code that the passenger needs")


def step(thought: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """A step of the script, by field."""
    return {"thought": thought, "tool": tool, "arguments": arguments}


REQUEST = "Please book me from Ulm to Bergen on 2 March 2026, the cheapest. Ada Finch"
SCRIPT = [
    step("Which flights are there?", "find_flights",
         origin="Ulm", destination="Bergen", day="2026-03-02"),
    step("KT105 is the cheapest.", "book", flight="KT105", name="Ada"),
    step("The whole name, then.", "book", flight="KT105", name="Ada Finch"),
    step("It is booked.", "submit",
         reply="You are booked on KT105, leaving at 13:15; your code is B001."),
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Book a flight by tools of an MCP server."
    )
    parser.add_argument("--model", help="a model string; a script by default")
    parser.add_argument("--request", default=REQUEST)
    given = parser.parse_args()
    lm = given.model or weft.ScriptedLM(SCRIPT)
    with weft.mcp.tools([sys.executable, __file__, "serve"]) as tools:
        print("tools:", ", ".join(tool.words for tool in tools))
        agent = weft.ReAct(Airline, tools=tools, max_steps=8, name="airline")
        with weft.use(lm=lm, cache=True if given.model else None):
            run = agent.run(request=given.request)
        for step in weft.trajectory_of(run.value):
            print(f"{step.tool}({step.arguments}) -> {step.error or step.observation}")
        print(run.value.reply)
        if not given.model:
            print("kept:", tools["booking"]({"code": "B001"}))


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        weft.mcp.serve(*TOOLS, name="airline")
    else:
        main()
