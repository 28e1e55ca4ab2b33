"""What happens to the child processes, whatever happens to them or to us."""

import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import harness
from harness.errors import RunError
from harness.execution import Executor, Limits
from harness.types import Status

ENDLESS = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"


def wait_until(condition, limit_s=20.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        # The first thread may be gone while another one is still on its way out.
        return state != "Z" or len(list(Path(f"/proc/{pid}/task").iterdir())) > 1
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_worker_killed_in_the_middle_of_a_query_costs_one_verdict(company, children):
    limits = Limits(timeout_s=60)
    with Executor({"company": company}, limits=limits, workers=1) as executor, ThreadPoolExecutor(1) as thread:
        before = children()
        pending = thread.submit(executor.execute, "company", ENDLESS)
        wait_until(lambda: children() - before)
        (worker,) = children() - before
        wait_until(lambda: cpu_ticks(worker) > 30)  # more than it takes to start
        os.kill(worker, signal.SIGKILL)
        verdict = pending.result(20)
        assert verdict.status is Status.RESOURCE
        assert verdict.error == "worker died (signal 9)"
        assert executor.execute("company", "SELECT 1").rows == ((1,),)
        assert not is_running(worker)


def test_a_worker_killed_between_queries_costs_nothing(company, children):
    with Executor({"company": company}, workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: not is_running(worker))
        assert executor.execute("company", "SELECT 2").rows == ((2,),)


def test_a_worker_leaves_ctrl_c_to_its_parent(company, children):
    with Executor({"company": company}, workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        os.kill(worker, signal.SIGINT)
        assert executor.execute("company", "SELECT 2").rows == ((2,),)
        assert children() - before == {worker}


def test_a_worker_survives_the_timeout_of_an_ordinary_query(company, children, monkeypatch):
    monkeypatch.setattr("harness.execution.process.KILL_GRACE_S", 30.0)
    with Executor({"company": company}, limits=Limits(timeout_s=0.2), workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        verdict = executor.execute("company", ENDLESS)
        assert (verdict.status, verdict.error) == (Status.TIMEOUT, "stopped after 0.2 s")
        assert children() - before == {worker}


def test_a_stopped_worker_is_killed_all_the_same(company, children):
    with Executor({"company": company}, limits=Limits(timeout_s=0.3), workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        os.kill(worker, signal.SIGSTOP)
        assert executor.execute("company", "SELECT 2").status is Status.TIMEOUT
        assert not is_running(worker)


@pytest.mark.parametrize(
    "sql",
    [ENDLESS, "SELECT instr(hex(zeroblob(30000000)), hex(zeroblob(15000000)) || '1')"],
    ids=["many opcodes", "one opcode"],
)
def test_a_killed_parent_leaves_no_child(company, sql):
    program = f"""
        from pathlib import Path
        import threading
        from harness.execution import Executor, Limits
        executor = Executor({{"company": Path({str(company)!r})}}, limits=Limits(timeout_s=300), workers=1)
        executor.execute("company", "SELECT 1")
        threading.Thread(target=executor.execute, args=("company", {sql!r}), daemon=True).start()
        print("ready", flush=True)
        threading.Event().wait()
    """
    with run_python(program) as parent:
        assert parent.stdout.readline() == b"ready\n"
        (worker,) = list_children(parent.pid)
        wait_until(lambda: cpu_ticks(worker) > 10)
        parent.kill()
        wait_until(lambda: not is_running(worker))


def run_python(program: str, **options) -> subprocess.Popen:
    root = str(Path(next(iter(harness.__path__))).parent)
    environment = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", textwrap.dedent(program)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, **options)


def list_children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task")
    if not (tasks / str(pid) / "children").exists():
        pytest.skip("/proc does not list children here")
    return [int(one) for task in tasks.iterdir() for one in (task / "children").read_text().split()]


def count_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


@pytest.mark.parametrize("end", ["", "del executor", "executor.close()", "raise SystemExit"])
def test_an_interpreter_that_ends_leaves_nothing_and_says_nothing(company, end):
    program = f"""
        from pathlib import Path
        from harness.execution import Executor
        executor = Executor({{"company": Path({str(company)!r})}}, workers=1)
        executor.execute("company", "SELECT 1")
        print(Path("/proc/thread-self/children").read_text(), flush=True)
        {end}
    """
    with run_python(program, stderr=subprocess.PIPE) as parent:
        output, errors = parent.communicate(timeout=60)
    assert (parent.returncode, errors) == (0, b"")
    workers = [int(one) for one in output.split()]
    assert workers
    assert not any(map(is_running, workers))


def test_ctrl_c_ends_a_waiting_program_quickly(company):
    program = f"""
        from pathlib import Path
        from harness.execution import Executor, Limits
        with Executor({{"company": Path({str(company)!r})}}, limits=Limits(timeout_s=300), workers=1) as executor:
            executor.execute("company", "SELECT 1")
            print("ready", flush=True)
            try:
                executor.execute("company", {ENDLESS!r})
            except KeyboardInterrupt:
                print("interrupted", executor.execute("company", "SELECT 2").rows, flush=True)
    """
    with run_python(program, start_new_session=True) as parent:
        assert parent.stdout.readline() == b"ready\n"
        (worker,) = list_children(parent.pid)
        wait_until(lambda: cpu_ticks(worker) > 10)
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to the workers as well
        output, _ = parent.communicate(timeout=60)
    assert output == b"interrupted ((2,),)\n"
    assert not is_running(worker)


def test_closing_ends_a_query_that_another_thread_waits_for(company, children):
    before = children()
    executor = Executor({"company": company}, limits=Limits(timeout_s=300), workers=1)
    with ThreadPoolExecutor(1) as thread:
        pending = thread.submit(executor.execute, "company", ENDLESS)
        wait_until(lambda: children() - before)
        time.sleep(0.2)
        executor.close()
        with pytest.raises(RunError, match="closed"):
            pending.result(20)
    assert children() == before


def test_a_forgotten_executor_takes_its_workers_and_pipes_along(company, children):
    gc.collect()
    before, open_before = children(), count_open_files()
    executor = Executor({"company": company}, workers=1)
    executor.execute("company", "SELECT 1")
    assert children() - before
    del executor
    gc.collect()
    assert children() == before
    assert count_open_files() == open_before


def test_no_worker_starts_before_it_is_needed(company, children):
    before = children()
    with Executor({"company": company}, workers=4) as executor:
        assert children() == before
        for number in range(10):
            executor.execute("company", f"SELECT {number}")
        assert len(children() - before) == 1
    assert children() == before


def test_four_threads_get_their_own_answers(company, children):
    before = children()
    with Executor({"company": company}, workers=3) as executor:
        barrier = threading.Barrier(4)

        def ask(thread: int) -> list[int]:
            barrier.wait(20)
            return [executor.execute("company", f"SELECT {thread * 1000 + n}").rows[0][0] for n in range(50)]

        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(ask, range(4)))
        assert 1 <= len(children() - before) <= 3
    assert answers == [[thread * 1000 + n for n in range(50)] for thread in range(4)]


def test_a_worker_outlives_the_thread_that_started_it(company, children):
    before = children()
    with Executor({"company": company}, workers=1) as executor:
        thread = threading.Thread(target=executor.execute, args=("company", "SELECT 1"))
        thread.start()
        thread.join()
        (worker,) = children() - before
        assert executor.execute("company", "SELECT 2").rows == ((2,),)
        assert children() - before == {worker}


def test_a_fork_of_the_parent_does_not_end_its_workers(company):
    program = f"""
        import os
        from pathlib import Path
        from harness.execution import Executor
        executor = Executor({{"company": Path({str(company)!r})}}, workers=1)
        executor.execute("company", "SELECT 1")
        (worker,) = Path("/proc/thread-self/children").read_text().split()
        if os.fork() == 0:
            executor.close()
            os._exit(0)
        os.wait()
        assert executor.execute("company", "SELECT 2").rows == ((2,),)
        assert Path("/proc/thread-self/children").read_text().split() == [worker]
    """
    with run_python(program) as parent:
        assert parent.wait(60) == 0


def test_a_worker_killed_while_it_starts_costs_nothing(company, monkeypatch):
    victims = []

    class Unlucky(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            if len(victims) < 2:
                victims.append(self.pid)
                self.kill()

    monkeypatch.setattr(subprocess, "Popen", Unlucky)
    with Executor({"company": company}, workers=1) as executor:
        assert executor.execute("company", "SELECT 1").rows == ((1,),)
    assert len(victims) == 2


def test_a_worker_that_cannot_start_is_a_run_error(company, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with Executor({"company": company}, workers=1) as executor, pytest.raises(RunError, match="did not start"):
        executor.execute("company", "SELECT 1")
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with Executor({"company": company}, workers=1) as executor, pytest.raises(RunError, match="cannot be started"):
        executor.execute("company", "SELECT 1")


def test_a_worker_can_write_no_file_and_stays_small(company, children):
    with Executor({"company": company}, workers=1) as executor:
        before = children()
        executor.execute("company", "SELECT 1")
        (worker,) = children() - before
        limits = Path(f"/proc/{worker}/limits").read_text()
        assert limits.partition("Max file size")[2].split()[0] == "0"
        assert limits.partition("Max data size")[2].split()[0] != "unlimited"
        for module in ("torch", "pydantic", "sqlglot"):
            assert module not in Path(f"/proc/{worker}/maps").read_text()
