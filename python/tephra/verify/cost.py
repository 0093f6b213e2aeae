"""What the JIT cost or saved: CPU time and memory of the runs under it against those of the stock interpreter."""

from __future__ import annotations

from dataclasses import dataclass

from tephra.verify.jobs import STOCK
from tephra.verify.records import Run
from tephra.verify.state import State

_NOISE = 0.02  # of the CPU time: two equal runs may differ by this
_LEAST = 0.05  # seconds: less is not worth a warning


@dataclass
class Cost:
    """One threshold against stock, over the files that came to their end and had a test that passed on both sides.

    Attributes: config; files (how many); cpu, stock_cpu (seconds, processes that were waited for included); compiling
        (seconds of cpu); peak, stock_peak (KiB, mean of the files' peaks); children (functions compiled in processes
        that the tests started: what that took is in cpu, not in compiling).
    """

    config: str
    files: int
    cpu: float
    stock_cpu: float
    compiling: float
    peak: float
    stock_peak: float
    children: int = 0

    @property
    def time_ratio(self) -> float:
        """CPU time under the JIT, stock being 1."""
        return self.cpu / self.stock_cpu

    @property
    def memory_ratio(self) -> float:
        """Peak memory under the JIT, stock being 1."""
        return self.peak / self.stock_peak

    @property
    def gained(self) -> float:
        """Seconds that compiled code saved, before what compiling took is taken off; negative: lost."""
        return self.stock_cpu - (self.cpu - self.compiling)

    def line(self) -> str:
        """For people."""
        ratio, percent = self.time_ratio, round(100 * (self.memory_ratio - 1))
        speed = (f"{ratio:.2f}x slower" if ratio >= 1.005 else f"{1 / ratio:.2f}x faster" if ratio <= 1 / 1.005 else
                 "neither slower nor faster")
        memory = f"{abs(percent)} % {'more' if percent > 0 else 'less'} memory" if percent else "the same memory"
        return (f"{self.config}: the JIT made this suite {speed}, {memory} (CPU time {self.cpu:.2f} s, stock "
                f"{self.stock_cpu:.2f} s; peak of a process {self.peak / 1024:.1f} MiB, stock "
                f"{self.stock_peak / 1024:.1f} MiB; {self.files} files)")

    def warning(self) -> str:
        """Where compiling cost more than it gained: a line that says so. Otherwise ""."""
        lost = self.cpu - self.stock_cpu
        if not self.compiling or lost < max(_LEAST, _NOISE * self.stock_cpu):
            return ""
        gained = f"gained {self.gained:.2f} s" if self.gained > 0 else "gained nothing"
        children = f", without that of {self.children} functions in children" if self.children else ""
        why = "; threshold 0 compiles everything, to find faults" if self.config == "after=0" else ""
        return (f"warning: {self.config}: compiling cost more than it gained: it took {self.compiling:.2f} s of CPU "
                f"time{children}, and {gained}{why}")

    def to_json(self) -> dict[str, object]:
        """For the JSON report."""
        return {"config": self.config, "files": self.files, "cpu_seconds": round(self.cpu, 3),
                "stock_cpu_seconds": round(self.stock_cpu, 3), "cpu_ratio": round(self.time_ratio, 4),
                "compile_seconds": round(self.compiling, 3), "gained_seconds": round(self.gained, 3),
                "functions_in_children": self.children,
                "peak_kib": round(self.peak), "stock_peak_kib": round(self.stock_peak),
                "memory_ratio": round(self.memory_ratio, 4), "warning": self.warning()}


def _measured(run: Run | None) -> bool:
    return run is not None and not run.died and run.passed > 0 and run.cpu_seconds > 0 and run.peak_kib > 0


def costs(state: State, configs: list[str]) -> list[Cost]:
    """One for each threshold that has files to compare."""
    found = []
    for config in configs:
        pairs = [(state.runs[target, STOCK], run) for (target, each), run in state.runs.items()
                 if each == config != STOCK and _measured(run) and _measured(state.runs.get((target, STOCK)))]
        if pairs:
            count = len(pairs)
            found.append(Cost(config, count, sum(jit.cpu_seconds for _, jit in pairs),
                              sum(stock.cpu_seconds for stock, _ in pairs),
                              sum(jit.compile_seconds for _, jit in pairs),
                              sum(jit.peak_kib for _, jit in pairs) / count,
                              sum(stock.peak_kib for stock, _ in pairs) / count,
                              sum(jit.child_functions for _, jit in pairs)))
    return found
