"""Events of history, sorted by a small model that learns from a few labelled ones.

    python examples/classify.py                          offline, on `embedded`
    python examples/classify.py --model local/smollm2    a real model, on this machine

The labels are types: no reply can hold another one. The program is measured, compiled
with solved examples, and measured again on rows that nobody has seen. `embedded` is a
stand-in that compares texts, and no language model: its figures say nothing about one.
"""

import argparse
from typing import Literal

import weft

Kind = Literal["war", "politics", "science", "art", "exploration"]


class Sort(weft.Signature):
    """Sort an event of history by what it is remembered for."""

    event: str = weft.Input()
    kind: Kind = weft.Output()


sort = weft.Predict(Sort)

EVENTS: dict[Kind, list[str]] = {
    "war": [
        "The siege of Constantinople ends with the fall of the city in 1453",
        "The siege of Vienna is broken by a relief army in 1683",
        "An armada sent to invade England is beaten in 1588",
        "Two armies fight at Hastings in 1066",
        "Two fleets fight at Lepanto in 1571",
        "The armies of Napoleon are beaten at Leipzig in 1813",
        "The armies of Napoleon are beaten at Waterloo in 1815",
        "The siege of Leningrad begins in 1941",
    ],
    "politics": [
        "King John seals Magna Carta in 1215",
        "Women in New Zealand win the right to vote in 1893",
        "Women in Finland win the right to vote in 1906",
        "A parliament meets in Iceland for the first time in 930",
        "Norway votes to end its union with Sweden in 1905",
        "A constitution is signed in Philadelphia in 1787",
        "A constitution is signed in Poland in 1791",
        "Slavery is abolished in Brazil by law in 1888",
    ],
    "science": [
        "Marie Curie discovers radium in 1898",
        "Mendeleev publishes a table of the elements in 1869",
        "Darwin publishes his theory of natural selection in 1859",
        "Newton publishes his theory of gravitation in 1687",
        "Einstein publishes his theory of relativity in 1905",
        "Fleming discovers penicillin in 1928",
        "Herschel discovers the planet Uranus in 1781",
        "Roentgen discovers X-rays in 1895",
    ],
    "art": [
        "Michelangelo paints the ceiling of the Sistine Chapel in 1512",
        "Leonardo paints the Mona Lisa around 1503",
        "Picasso paints Guernica in 1937",
        "Beethoven's ninth symphony is first performed in 1824",
        "Stravinsky's Rite of Spring is first performed in 1913",
        "Shakespeare's Hamlet is first performed around 1600",
        "Vermeer paints a girl with a pearl earring in 1665",
        "Monet paints the water lilies of his garden in 1906",
    ],
    "exploration": [
        "Columbus sails west and reaches the Bahamas in 1492",
        "Vasco da Gama sails around Africa and reaches India in 1498",
        "Amundsen reaches the South Pole in 1911",
        "Hillary and Tenzing reach the top of Everest in 1953",
        "Two men walk on the Moon in 1969",
        "Cook sails into Botany Bay in 1770",
        "Magellan's ship sails around the world by 1522",
        "Leif Erikson sails to Vinland around the year 1000",
    ],
}
ROWS = [{"event": event, "kind": kind} for kind in EVENTS for event in EVENTS[kind]]
NEW = "Scott reaches the South Pole in 1912"


def main() -> None:
    parser = argparse.ArgumentParser(description="Sort events of history.")
    parser.add_argument("--model", default="embedded", help="such as local/smollm2")
    parser.add_argument("--budget", default="400 calls")
    given = parser.parse_args()
    with weft.use(lm=given.model):
        print(sort.prompt(event=ROWS[0]["event"]).messages[0].text, "\n")
        print("as it was:", sort(event=NEW).kind)
        result = weft.compile(
            sort,
            ROWS,
            metric=weft.metrics.exact("kind"),
            compiler=weft.compilers.BootstrapFewShot(demos=16),
            budget=given.budget,
        )
        print(result.report, "\n")
        print("compiled:", result.program(event=NEW).kind)


if __name__ == "__main__":
    main()
