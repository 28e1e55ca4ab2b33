"""Where an attack meets the executor, with everything that it must not do measured from outside."""

import contextlib
import hashlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from fuzzing.attacks import Attack
from harness.execution import Executor, Limits
from harness.metrics.execution_accuracy import ExecutionAccuracy
from harness.types import Completion, Example, Execution, Extraction, Prediction, Schema, Status

__all__ = ["LIMITS", "MOST_CPU_AFTER_S", "MOST_OVERSHOOT_S", "Arena", "Outcome", "make_database"]

T = TypeVar("T")

LIMITS = Limits(timeout_s=0.2, memory_mib=64, max_rows=100_000, max_bytes=16 << 20)
MOST_OVERSHOOT_S = 0.5
MOST_CPU_AFTER_S = 0.02
"""Two ticks of the kernel's clock, of which reading the next request is one."""

_MOST_MIB = LIMITS.memory_mib + 64 + 24
"""The limit, what a worker has in reserve for Python's share, and the interpreter itself."""

_WATCH_INTERVAL_S = 0.005
_AFTER_S = 0.03
_ROWS = 300
_PATIENCE = 20
_GOLD = (
    "SELECT id, upper(name), salary, printf('%.1f %s', salary, CAST(note AS TEXT)) FROM emp "
    "WHERE name LIKE 'NAME 1_' AND id < (SELECT count(*) FROM well_paid) -- {}"
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attack; `faults` are broken promises that hold for any machine, `delays` those of a busy one too.

    `cpu_after_s` is what the worker used up once the verdict was there, `peak_mib` the most memory it was seen with.
    """

    attack: Attack
    status: str
    reason: str
    elapsed_s: float
    cpu_after_s: float
    peak_mib: float
    faults: tuple[str, ...]
    delays: tuple[str, ...]

    @property
    def overshoot_s(self) -> float:
        """How long past the limit the verdict came."""
        return max(0.0, self.elapsed_s - LIMITS.timeout_s)


class Arena:
    """A database in a folder of its own, and one worker that takes attack after attack; a context manager.

    Between two attacks the gold is run anew on the same connection: what an attack left behind would show.
    """

    def __init__(self, folder: Path, open_executor: Callable[[Path], Executor] | None = None) -> None:
        self._open = open_executor or _open_executor
        self._path = folder / "databases" / "company.sqlite"
        self._folders = [self._path.parent, folder / "here", folder / "temporary"]
        for one in self._folders:
            one.mkdir(parents=True)
        make_database(self._path)
        self._before = self._look()
        self._golds = 0
        self._patience = _PATIENCE
        self._leave = contextlib.ExitStack()

    def __enter__(self) -> Self:
        _, here, temporary = self._folders
        # Where a careless statement would leave its files; workers inherit both.
        self._leave.enter_context(contextlib.chdir(here))
        self._leave.enter_context(_environment({"TMPDIR": str(temporary), "SQLITE_TMPDIR": str(temporary)}))
        self._executor = self._leave.enter_context(self._open(self._path))
        self._gold = self._run_gold()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._leave.close()

    def face(self, attack: Attack) -> Outcome:
        """Run an attack and measure; raises nothing that the executor should not raise."""
        with _Watch(_worker()) as watch:
            started = time.perf_counter()
            verdict = self._executor.execute("company", attack.sql)
            elapsed_s = time.perf_counter() - started
        cpu_after_s = _cpu_used_s(watch.process, _AFTER_S)
        faults = [*self._judge(attack, verdict), *self._stain()]
        if watch.peak_mib > _MOST_MIB:
            faults.append(f"{watch.peak_mib:.0f} MiB of memory")
        delays = []
        if elapsed_s - LIMITS.timeout_s > MOST_OVERSHOOT_S:
            delays.append(f"{elapsed_s - LIMITS.timeout_s:.2f} s past the limit")
        if cpu_after_s > MOST_CPU_AFTER_S:
            delays.append(f"{cpu_after_s:.3f} s of CPU after the verdict")
        status = str(verdict.status)
        return Outcome(
            attack, status, verdict.error, elapsed_s, cpu_after_s, watch.peak_mib, tuple(faults), tuple(delays)
        )

    def changes(self) -> list[str]:
        """Return what is not as it was: the database's content, or a file that was not there."""
        after = self._look()
        names = sorted(self._before.keys() | after.keys())
        return [f"{name}: changed" for name in names if self._before.get(name) != after.get(name)]

    def _judge(self, attack: Attack, verdict: Execution) -> Iterator[str]:
        if not verdict.ok and not verdict.error:
            yield f"{verdict.status} without a reason"
        gold = self._run_gold()
        if gold.rows != self._gold.rows:
            yield f"the gold now gives {gold.status} {gold.error} {gold.rows[:3]}"
        example = Example(attack.seed, "company", "", _GOLD)
        extraction = Extraction(attack.sql)
        prediction = Prediction(example, Schema("company", ()), Completion(0, attack.sql), extraction, verdict, (gold,))
        if ExecutionAccuracy().score(prediction).value != 0.0:
            yield "scored"

    def _run_gold(self) -> Execution:
        gold = self._run_gold_once()
        # Its limit is an attack's, far too short for a machine that is busy with something else.
        while gold.status is Status.TIMEOUT and self._patience > 0:
            self._patience -= 1
            gold = self._run_gold_once()
        return gold

    def _run_gold_once(self) -> Execution:
        self._golds += 1
        return self._executor.execute("company", _GOLD.format(self._golds))

    def _stain(self) -> Iterator[str]:
        for folder in self._folders:
            for path in folder.iterdir():
                if str(path) not in self._before:
                    yield f"{path.name} appeared"

    def _look(self) -> dict[str, str]:
        files = [path for folder in self._folders for path in folder.iterdir()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class _Watch:
    """Reads a process's peak of resident memory until it is told to stop."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.peak_mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while True:
            done = self._done.wait(_WATCH_INTERVAL_S)
            self.peak_mib = max(self.peak_mib, _peak_mib(self.process))
            if done:
                return


def _open_executor(path: Path) -> Executor:
    return Executor({"company": path}, limits=LIMITS, workers=1)


def make_database(path: Path) -> None:
    """Write the database that `fuzzing.attacks` knows."""
    connection = sqlite3.connect(path)
    connection.executescript(
        """
        CREATE TABLE emp (id INTEGER PRIMARY KEY, name TEXT, salary REAL, note BLOB);
        CREATE VIEW well_paid AS SELECT name FROM emp WHERE salary > 2000;
        """
    )
    for sql in (
        "CREATE VIRTUAL TABLE search USING fts5(body)",
        "INSERT INTO search VALUES ('the quick brown fox')",
        "CREATE VIRTUAL TABLE area USING rtree(id, x0, x1)",
        "INSERT INTO area SELECT value, value, value + 5 FROM json_each('[1, 2, 3, 4, 5, 6, 7, 8, 9]')",
    ):
        # A SQLite without the module: attacks on it fail for want of a table.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute(sql)
    rows = [(number, f"name {number}", number * 10.5, b"\xff") for number in range(_ROWS)]
    connection.executemany("INSERT INTO emp VALUES (?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()


@contextlib.contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _worker() -> int:
    """Return the id of this process's youngest child, which the gold has just used."""
    tasks = Path("/proc/self/task").iterdir()
    children = {int(one) for task in tasks for one in _read(task / "children", str.split) or ()}
    return max(children, key=lambda child: _read(Path(f"/proc/{child}/stat"), _started) or 0, default=0)


def _cpu_used_s(process: int, wait_s: float) -> float:
    """Return what a process uses of the CPU in the next `wait_s` seconds; one that is gone uses none."""
    stat = Path(f"/proc/{process}/stat")
    before = _read(stat, _cpu_s)
    time.sleep(wait_s)
    after = _read(stat, _cpu_s)
    return 0.0 if before is None or after is None else after - before


def _peak_mib(process: int) -> float:
    return _read(Path(f"/proc/{process}/status"), _resident_mib) or 0.0


def _resident_mib(status: str) -> float:
    lines = (line.split() for line in status.splitlines() if line.startswith("VmHWM:"))
    return next((int(kilobytes) / 1024 for _, kilobytes, _ in lines), 0.0)  # a process on its way out has none


def _cpu_s(stat: str) -> float:
    user, system = _fields(stat)[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _started(stat: str) -> int:
    return int(_fields(stat)[19])


def _fields(stat: str) -> list[str]:
    """Return what stands behind the name of a process, which may hold spaces: from field 3 of proc(5)."""
    return stat.rpartition(")")[2].split()


def _read(path: Path, take: Callable[[str], T]) -> T | None:
    """Return what `take` makes of a file in /proc, None once the process is gone."""
    try:
        return take(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ProcessLookupError):
        return None
