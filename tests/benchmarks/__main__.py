"""`make bench`: measures and prints a table in Markdown, with the conditions under it.

python -m tests.benchmarks [ROW ...]      rows: help run practice cluster timeline lateness
                                         debrief guard halts
"""

import os
import platform
import sys
from collections.abc import Callable, Sequence

from tests.benchmarks import clusters, commands, debriefs, guard, halts, lateness, timeline
from tests.benchmarks.rows import Row, Told

ROWS: dict[str, Callable[[], Sequence[Row | Told]]] = {
    "help": commands.measure_help,
    "practice": commands.measure_practice,
    "run": commands.measure_run,
    "cluster": clusters.measure,
    "timeline": timeline.measure,
    "lateness": lateness.measure,
    "debrief": debriefs.measure,
    "guard": guard.measure,
    "halts": halts.measure,
}


def main() -> int:
    wanted = sys.argv[1:] or list(ROWS)
    unknown = [name for name in wanted if name not in ROWS]
    if unknown:
        print(f"no row is called {', '.join(unknown)}; there are: {', '.join(ROWS)}")
        return 2
    print("| What | Ours | Beside | Its figure | Ratio | Budget |")
    print("|---|---|---|---|---|---|")
    for name in wanted:
        for row in ROWS[name]():
            print(row, flush=True)
    print(f"\n{_conditions()}")
    return 0


def _conditions() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"Conditions: {os.cpu_count()} cores, {platform.system()} {platform.release()},"
        f" Python {platform.python_version()}, load {load}; everything on loopback;"
        " medians of interleaved repetitions, smallest and largest in brackets."
    )


if __name__ == "__main__":
    sys.exit(main())
