"""``python -m tests.soak``: a mild, mixed load on a running server of the demo, for hours.

The server is watched as a process, so it runs on this machine, as ``make serve`` starts it.
Exit codes: 0 nothing was found, 1 something was, 2 wrong usage or no such server, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.soak.kinds import WEIGHTS
from tests.soak.process import NoServer
from tests.soak.soak import Plan, soak


def _weights(text: str) -> dict[str, int]:
    """``ocr=1,ocr_bls=6``."""
    found = {}
    for each in text.split(","):
        name, _, weight = each.partition("=")
        if name not in WEIGHTS or not (weight or "1").isdecimal():
            raise argparse.ArgumentTypeError(
                f"expected KIND=NUMBER of {', '.join(WEIGHTS)}; found '{each}'"
            )
        found[name] = int(weight or 1)
    if not any(found.values()):
        raise argparse.ArgumentTypeError("nothing would be sent")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--http", default="127.0.0.1:8000", help="the server's HTTP address")
    parser.add_argument("--grpc", default="127.0.0.1:8001", help="its gRPC address")
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long")
    parser.add_argument("--clients", type=int, default=3, help="how many send at once")
    parser.add_argument(
        "--pause",
        type=float,
        default=1.0,
        help="seconds between two requests of a client, on average; 0 for as fast as it goes",
    )
    parser.add_argument(
        "--kill-every", type=float, default=240.0, help="seconds between killed stubs; 0: none"
    )
    parser.add_argument("--sample-every", type=float, help="seconds; by default a minute")
    parser.add_argument(
        "--kinds", type=_weights, default=dict(WEIGHTS), help="as ocr=1,ocr_bls=6; else all"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--burn", type=int, default=0, help="processes that only compute")
    parser.add_argument("--file", type=Path, help="what was seen, a JSON object a line")
    given = parser.parse_args()
    file = given.file or Path(f"soak-{time.strftime('%Y%m%d-%H%M%S')}.jsonl")
    plan = Plan(
        http=given.http,
        grpc=given.grpc,
        seconds=given.seconds,
        file=file,
        clients=given.clients,
        pause=given.pause,
        kill_every=given.kill_every,
        sample_every=given.sample_every,
        weights=given.kinds,
        seed=given.seed,
        burn=given.burn,
    )
    try:
        outcome = soak(plan, lambda line: print(line, flush=True))
    except NoServer as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    if outcome.faults:
        return 1
    return 0 if outcome.seconds >= plan.seconds - 1 else 130


if __name__ == "__main__":
    sys.exit(main())
