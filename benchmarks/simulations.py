"""How often every interval holds and every test errs, by simulation: ties, clusters, few discordant pairs, n = 20 to 10,000.

    python benchmarks/simulations.py [--draws 2000] [--seed 1] [--only WORD] [--json] [--markdown [FILE]]

Each row is one setting whose truth is known. `found` is measured over `draws` simulated data sets; its Monte Carlo error
stands beside it. A row is marked where it errs more often than it says by more than three such errors, and where it is
more careful than it says by as much. `--markdown` writes docs/simulations.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import simulated_fixed as fixed
import simulated_other as other
import simulated_ranks as ranked
import simulated_rare as rarely
import simulated_times as timed
from simulated import Row

PAGE = Path(__file__).resolve().parents[1] / "docs" / "simulations.md"
TABLES: dict[str, tuple[str, Callable[[int, int], Iterator[Row]]]] = {
    "means": ("Means", fixed.means),
    "verdicts": ("Verdicts", fixed.claims),
    "power": ("Power", fixed.powers),
    "unpaired": ("Unpaired", fixed.apart),
    "clusters": ("Clusters", fixed.clustered),
    "ratios": ("Ratios", other.amounts),
    "quantiles": ("Quantiles", other.times),
    "shared": ("Times that hang together", timed.shared_times),
    "tails": ("Long tails", timed.long_tails),
    "several": ("Several claims", other.together_claims),
    "raters": ("Judges and repeats", other.raters),
    "rare": ("Rare kinds and noise", rarely.rare),
    "ranks": ("Ranks", ranked.ranks),
    "sequential": ("Sequential", other.looking),
    "stopping": ("Stopping early", other.stopping_early),
}
DEVIATIONS = """
- **Wilson's interval of a share near 0 or 1** holds on average over shares, not at each of them: with 99 % right and 100
  samples it holds in 92 %, and with other numbers in more than 95 % (Brown, Cai and DasGupta 2001 draw the whole saw). Verdicts
  do not rest on it: theirs are widened to bounds that are exact there.
- **Means over clusters that fail as a whole.** Here half of a cluster's answers are one answer (a correlation of 0.25). With 10 or
  50 clusters of one size a scorecard's interval holds in 93 to 95 %. With 50 of which ten hold two thirds of the samples it holds in
  about 85 %: often none of the ten happens to fail, and a spread that was not seen cannot be estimated. With fewer than some
  twenty large clusters, read such an interval as rough. Paired verdicts count in one further cluster where few were seen to fail,
  and err no more than they say in the same clusters.
- **Costs with long tails.** Where few samples cost most of the money (a standard deviation of the logarithm of 1.5 to 2, against
  0.8 of the ratios above) intervals of costs are too narrow until there are thousands of samples: what the rare expensive ones
  cost was not seen often enough. The table shows by how much.
- **Agreement beyond chance, of few units.** With 20 units that are evenly divided and a true kappa of 0.9 the interval holds in
  92 %: few tables are possible, and the next one is far away. Krippendorff's alpha of grades of which one in ten lies far above
  the others holds in 62 % with 10 units and in 86 % with 20, for often none of those was among them. With fewer than some
  fifty units, read alpha of such grades as rough. Where a kind of answers is rare, kappa's interval is wide, and holds.
- **The t bound that is peeked at** stands in the sequential table for comparison. It is what happens to who looks at an ordinary
  interval after every sample and stops when it pleases; nothing in Weighbridge does.
"""
HEADS = ("method", "setting", "n", "what", "nominal", "found", "Monte Carlo error", "")
WORDS = {"coverage": "coverage", "error": "error rate", "power": "power", "samples": "samples"}


def line(one: Row) -> tuple[str, ...]:
    """A row's cells."""
    measured = one.table == "Stopping early"
    nominal = "" if measured else f"{one.nominal:.1%}"
    return (
        one.method,
        one.setting,
        f"{one.n:,}",
        WORDS[one.kind],
        nominal,
        f"{one.found:.1%}",
        f"{one.error:.1%}",
        one.mark,
    )


def markdown(rows: list[Row], seed: int) -> str:
    """The page of the documentation."""
    marked = [one for one in rows if one.mark == "ERRS MORE"]
    intro = f"""# Simulations

How often every interval holds and every test errs, where the truth is known because it was made up. Each line is one setting,
drawn again and again. The Monte Carlo error is one standard deviation of what chance does to the figure beside it. A line is
marked `ERRS MORE` where it errs more often than it says by more than three of these, and `careful` where less often by as much.

Written by `python benchmarks/simulations.py --markdown` with seed {seed}: {len(rows)} settings, of which {len(marked)} err more
than they say. [Statistics](statistics.md) says what each method is."""
    parts = [intro]
    for table, make in TABLES.values():
        lines = [line(one) for one in rows if one.table == table]
        if lines:
            parts += ["", f"## {table}", "", (make.__doc__ or "").strip(), "", "| " + " | ".join(HEADS) + " |"]
            parts += ["|---|---|--:|---|--:|--:|--:|---|", *("| " + " | ".join(cells) + " |" for cells in lines)]
    parts += ["", "## Where it errs more than it says", "", DEVIATIONS.strip()]
    return "\n".join(parts) + "\n"


def show(rows: list[Row]) -> None:
    """The tables for a terminal."""
    for table in dict.fromkeys(one.table for one in rows):
        print(f"\n{table}")
        for one in rows:
            if one.table == table:
                method, setting, n, what, nominal, found, error, mark = line(one)
                print(f"  {method:<38}{setting:<58}{n:>7} {what:<11}{nominal:>7}{found:>8} +-{error:>5} {mark}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--draws", type=int, default=2_000, help="simulated data sets per setting")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=TABLES, help="one table")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--markdown", type=Path, nargs="?", const=PAGE, help="write the page (default docs/simulations.md)"
    )
    options = parser.parse_args()
    rows = []
    for name, (_, make) in TABLES.items():
        if options.only in {None, name}:
            began = time.perf_counter()
            rows += list(make(options.draws, options.seed))
            print(f"{name}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    if options.json:
        print(json.dumps([asdict(one) | {"mark": one.mark} for one in rows], indent=2))
    else:
        show(rows)
    if options.markdown:
        options.markdown.write_text(markdown(rows, options.seed), encoding="utf-8")


if __name__ == "__main__":
    main()
