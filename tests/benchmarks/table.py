"""Every case of the benchmark, as the Markdown table that README shows.

python -m tests.benchmarks.table --rows 1000000 --rounds 5
"""

import argparse
import sys

from tests.benchmarks.million import Case, Figures, measure

_TITLES = {
    ("full", "db"): "first load",
    ("delta", "db"): "second run, 1 % changed",
    ("unchanged", "db"): "second run, nothing changed",
    ("full", "http"): "first load over HTTP, indexed table",
}
_WIRES = {
    "json": "JSON",
    "json-decimals": "JSON, numbers bare",
    "ndjson": "NDJSON",
    "arrow": "Arrow",
}
_CASES = (
    *(("full", "db", wire) for wire in _WIRES),
    ("delta", "db", "json"),
    ("delta", "db", "arrow"),
    ("unchanged", "db", "json"),
    ("full", "http", "json"),
    ("full", "http", "arrow"),
)
_HEAD = (
    "| run | source's form | seconds | x the floor | of each round | rows/s | peak MiB | ticker p99 / max ms |\n"
    "|---|---|---|---|---|---|---|---|\n"
)


def _line(figures: Figures) -> str:
    rounds = zip(figures.all_seconds, figures.all_floor_seconds, strict=True)
    cells = (
        _TITLES[figures.run, figures.target],
        _WIRES[figures.wire],
        f"{figures.seconds:.1f}",
        f"{figures.ratio_to_floor:.2f}",
        " ".join(f"{seconds / floor:.2f}" for seconds, floor in rounds),
        f"{figures.rows_per_second:,}",
        str(figures.peak_rss_mib),
        f"{figures.ticker_p99_ms:.0f} / {figures.ticker_max_ms:.0f}",
    )
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure every case; print a Markdown table.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5, help="product and floor in turns, for each case")
    options = parser.parse_args()
    sys.stdout.write(_HEAD)
    for run, target, wire in _CASES:
        sys.stdout.write(_line(measure(Case(options.rows, wire, target, run), options.rounds)))
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
