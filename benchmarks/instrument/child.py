"""Measures one subject for some seconds, in its own environment, and writes the rounds as JSON.

python child.py WRITE_TO SUBJECT SECONDS [--content] [--measures A B]
"""

from __future__ import annotations

import argparse
import json
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path

from recorded import recorded
from rounds import MEASURES, WITH_CONTENT, Rounds
from subjects import SUBJECTS
from switch import Switch
from telemetry import set_up, waits
from traffic import CHUNKS


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("write_to", type=Path)
    parser.add_argument("subject")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--content", action="store_true")
    parser.add_argument("--measures", nargs="+", default=[], help="these alone, and not what is recorded")
    arguments = parser.parse_args()
    subject = SUBJECTS[arguments.subject]

    set_up()
    for measure in MEASURES.values():  # the client imports its modules when they are first used
        measure.work(1, nullcontext)
    switch = Switch(lambda: subject.instrument(arguments.content))
    if subject.flush is not None:
        waits.insert(0, subject.flush)

    by_hand = None
    if subject.by_hand and not arguments.content:
        from by_hand import ByHand

        by_hand = ByHand
    written = {} if arguments.content or arguments.measures else {"recorded": recorded(switch)}
    measures = WITH_CONTENT if arguments.content else MEASURES
    if arguments.measures:
        measures = {name: measures[name] for name in arguments.measures}
    rounds = Rounds(measures, switch, by_hand)
    rounds.run(arguments.seconds)
    written |= {
        "versions": {name: version(name) for name in ("openai", "opentelemetry-sdk", subject.distribution)},
        "chunks": CHUNKS,
        "rounds": rounds.seconds,
        "spans": rounds.spans(),
    }
    arguments.write_to.write_text(json.dumps(written), encoding="utf-8")


if __name__ == "__main__":
    main()
