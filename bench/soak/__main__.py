"""Run the soak: `python -m bench.soak [--calls N] [--faults SHARE] [--seconds S]`."""

from __future__ import annotations

import argparse
import sys

from . import Sample, soak

MOST_FILES, MOST_THREADS, MOST_SHARE = 16, 0, 0.02


def main() -> int:
    """Make the calls, show a line now and then, and say whether all stayed flat."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--faults", type=float, default=0.05)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=3600.0)
    options = parser.parse_args()
    print(f"{'calls':>10} {'files':>6} {'threads':>8} {'MB':>7}")
    made = soak(
        options.calls,
        faults=options.faults,
        concurrency=options.concurrency,
        seconds=options.seconds,
        seen=_show,
    )
    total = sum(made.outcomes.values())
    rate = total / made.seconds
    print(f"\n{total:,} calls in {made.seconds:.0f} s, {rate:,.0f} a second")
    print(", ".join(f"{name} {count:,}" for name, count in made.outcomes.most_common()))
    if len(made.samples) < 2:
        print("too few calls to say whether anything grew")
        return 2
    files, threads, megabytes = made.growth
    share = megabytes / made.samples[0].megabytes
    print(
        f"growth in the second half: files {files:+}, threads {threads:+}, "
        f"{megabytes:+.1f} MB ({share:+.1%})"
    )
    flat = files <= MOST_FILES and threads <= MOST_THREADS and share <= MOST_SHARE
    return 0 if flat else 1


def _show(sample: Sample) -> None:
    print(
        f"{sample.calls:>10,} {sample.files:>6} {sample.threads:>8} "
        f"{sample.megabytes:>7.1f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
