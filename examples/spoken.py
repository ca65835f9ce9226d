"""Questions about recordings: an `Audio` field, measured and compiled like any other.

    python examples/spoken.py                                     offline, on stand-ins
    python examples/spoken.py --model openai/gpt-audio-mini       a model that listens
    python examples/spoken.py --model ... --recording mine.wav    a recording of yours

A lighthouse sends signals, and a listener answers questions about them. The recordings
are made here, a tone for each letter. Then it goes the other way: a model directs a
voice, which is a step, and the metric listens to what came out.
"""

import argparse
import itertools
import math
import re
import struct
from typing import Any

import weft

RATE = 8_000  # samples a second
TONES = {"A": 440.0, "B": 494.0, "C": 523.0, "D": 587.0}


def signal(letters: str, loud: float = 0.5) -> weft.Audio:
    """A tenth of a second for each letter."""
    return weft.Audio.from_array(
        (
            loud * math.sin(math.tau * TONES[letter] * n / RATE)
            for letter in letters
            for n in range(RATE // 10)
        ),
        RATE,
    )


class Listen(weft.Signature):
    """Answer the question from the recording."""

    recording: weft.Audio = weft.Input()
    question: str = weft.Input()
    answer: str = weft.Output("one to five words")


listen = weft.Predict(Listen)
QUESTIONS = {"Which letter comes first?": 0, "Which letter comes last?": -1}
WORDS = ["".join(pair) for pair in itertools.product(TONES, repeat=2)]
KNOWN = {signal(word).sha256: word for word in WORDS}
ROWS = [
    {"recording": signal(word), "question": question, "answer": word[place]}
    for word in WORDS
    for question, place in QUESTIONS.items()
]


class Direct(weft.Signature):
    """Say to a voice how it should speak a line."""

    line: str = weft.Input()
    mood: str = weft.Input()
    direction: str = weft.Output()


direct = weft.Predict(Direct)


@weft.step
def speak(line: str, direction: str) -> weft.Audio:
    """A voice: any service that speaks could stand in its place."""
    return signal(line, loud=0.9 if "loud" in direction else 0.1)


@weft.program
def announce(line: str, mood: str) -> weft.Audio:
    """A line, spoken as its mood asks for."""
    return speak(line, direct(line=line, mood=mood).direction)


def loudness(samples: bytes) -> float:
    """The largest sample of a WAV of 16 bits, from 0 to 1."""
    levels = struct.iter_unpack("<h", samples[44:])
    return max(abs(level) for (level,) in levels) / 2**15


def alike(example: Any, prediction: weft.Audio) -> weft.Score:
    """How near the loudness is to that of the reference, and what to do about it."""
    off = loudness(example.reference.data) - loudness(prediction.data)
    return weft.Score(1 - abs(off), "" if off < 0.1 else "It should be loud.")


MOODS = {"alarmed": 0.9, "joyful": 0.9, "sad": 0.1, "calm": 0.1}
LINES: list[dict[str, Any]] = [
    {"line": line, "mood": mood, "reference": signal(line, loud)}
    for line in ("AB", "CAD", "DAB", "BAD", "ADD", "CAB")
    for mood, loud in MOODS.items()
]


def stand_in(request: weft.Request) -> dict[str, Any]:
    """No model: it knows recordings by their digests, and does what it is told."""
    told, *shown, asked = request.messages
    if "[[ old ]]" in told.text:  # a writer's task: to mend an instruction
        return {"old": "", "new": "An alarmed or joyful line is loud."}
    if "[[ mood ]]" in asked.text:
        mood = asked.text.partition("[[ mood ]]\n")[2].splitlines()[0]
        knows = re.search(rf"{mood}.* is loud", told.text)
        return {"direction": "loud, please" if knows else "as you like"}
    (heard,) = asked.media
    place = next(at for question, at in QUESTIONS.items() if question in asked.text)
    letter = KNOWN[heard.sha256][place]
    return {"answer": letter if shown else f"I hear the letter {letter}."}


def main() -> None:
    parser = argparse.ArgumentParser(description="Recordings in, and out.")
    parser.add_argument("--model", help="a model that listens; a stand-in without it")
    parser.add_argument("--recording", help="a recording of yours")
    parser.add_argument("--question", default="Which letter comes first?")
    given = parser.parse_args()
    heard = weft.Audio.open(given.recording) if given.recording else signal("BD")
    compilers = weft.compilers
    lm = given.model or weft.FunctionLM(stand_in)
    with weft.use(lm=lm, cache=True if given.model else None):
        print(heard, listen(recording=heard, question=given.question).answer)
        brief = weft.compile(
            listen,
            ROWS,
            metric=weft.metrics.exact("answer"),
            compiler=compilers.BootstrapRandomSearch(demos=2, candidates=3),
            budget="200 calls",
        )
        print(brief.report)
        print(heard, brief.program(recording=heard, question=given.question).answer)
        loud = weft.compile(
            announce,
            LINES,
            metric=alike,
            compiler=compilers.GEPA(rounds=1, proposals=1),
            budget="200 calls",
        )
        print(loud.report)
        print(loud.report.diff())


if __name__ == "__main__":
    main()
