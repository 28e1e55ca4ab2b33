import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.execution import Executor
from harness.execution.cache import Cache
from harness.execution.process import Answer
from harness.types import Execution, Status


def answer(text: str, *, size_bytes: int = 10, repeatable: bool = True) -> Answer:
    return Answer(Execution(Status.OK, rows=((text,),)), size_bytes, repeatable)


def test_a_known_key_is_not_computed_again():
    cache = Cache()
    first = cache.answer("key", lambda: answer("one"))
    assert cache.answer("key", lambda: answer("two")) is first
    assert cache.answer("other", lambda: answer("two")).rows == (("two",),)


def test_a_look_into_the_cache_computes_nothing_and_counts_as_use():
    cache = Cache(capacity_bytes=5 * (1_024 + 4 * 200))
    assert cache.peek(0) is None
    for key in range(5):
        cache.answer(key, lambda: answer("old", size_bytes=200))
    assert cache.peek(0).rows == (("old",),)
    cache.answer(5, lambda: answer("old", size_bytes=200))
    assert cache.peek(0) is not None
    assert cache.peek(1) is None


def test_what_cannot_be_repeated_is_not_kept():
    cache = Cache()
    cache.answer("key", lambda: answer("one", repeatable=False))
    assert cache.answer("key", lambda: answer("two")).rows == (("two",),)


def test_the_answers_used_last_are_kept_within_the_capacity():
    cache = Cache(capacity_bytes=5 * (1_024 + 4 * 200))
    for key in range(5):
        cache.answer(key, lambda: answer("old", size_bytes=200))
    cache.answer(0, lambda: answer("new"))
    cache.answer(5, lambda: answer("old", size_bytes=200))
    assert cache.used_bytes <= cache.capacity_bytes
    assert cache.answer(0, lambda: answer("new")).rows == (("old",),)
    assert cache.answer(1, lambda: answer("new")).rows == (("new",),)


def test_an_answer_larger_than_a_quarter_is_not_kept():
    cache = Cache(capacity_bytes=100_000)
    cache.answer("key", lambda: answer("one", size_bytes=10_000))
    assert cache.used_bytes == 0
    assert cache.answer("key", lambda: answer("two")).rows == (("two",),)


def test_threads_that_ask_the_same_at_once_share_one_computation():
    cache = Cache()
    started, go_on = threading.Event(), threading.Event()
    calls = []

    def compute() -> Answer:
        calls.append(1)
        started.set()
        go_on.wait(10)
        return answer("one", repeatable=False)

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(cache.answer, "key", compute)
        assert started.wait(10)
        others = [threads.submit(cache.answer, "key", compute) for _ in range(3)]
        while not any(pending.waiters == 3 for pending in cache._pending.values()):
            threading.Event().wait(0.001)
        go_on.set()
        assert {one.result(10).rows for one in (first, *others)} == {(("one",),)}
    assert len(calls) == 1


def test_a_worker_that_dies_costs_one_of_those_who_ask_the_same():
    cache = Cache()
    started, go_on = threading.Event(), threading.Event()
    lost = Answer(Execution(Status.RESOURCE, error="worker died (signal 9)"), 0, repeatable=False)

    def die() -> Answer:
        started.set()
        go_on.wait(10)
        return lost

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(cache.answer, "key", die)
        assert started.wait(10)
        others = [threads.submit(cache.answer, "key", lambda: answer("one")) for _ in range(3)]
        while not any(pending.waiters == 3 for pending in cache._pending.values()):
            threading.Event().wait(0.001)
        go_on.set()
        assert first.result(10) is lost.execution
        assert {one.result(10).rows for one in others} == {(("one",),)}


def test_an_exception_is_the_callers_and_the_next_one_tries_again():
    cache = Cache()

    def fail() -> Answer:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.answer("key", fail)
    assert cache.answer("key", lambda: answer("one")).rows == (("one",),)


def test_an_executor_runs_identical_statements_once(executor):
    first = executor.execute("company", "SELECT name FROM emp")
    assert executor.execute("company", "  SELECT name FROM emp\n") is first
    assert executor.execute("company", "SELECT  name FROM emp") is not first
    error = executor.execute("company", "SELECT missing FROM emp")
    assert executor.execute("company", "SELECT missing FROM emp") is error
    assert executor.prepare("company", "SELECT name FROM emp") is not first


def test_chance_and_time_are_asked_anew(executor):
    rows = {executor.execute("company", "SELECT random()").rows for _ in range(5)}
    assert len(rows) == 5


def test_a_timeout_is_tried_again(company, executor):
    endless = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t"
    first = executor.execute("company", endless)
    assert first.status is Status.TIMEOUT
    assert executor.execute("company", endless) is not first


def test_a_database_that_was_replaced_is_read_anew(tmp_path):
    path = tmp_path / "changing.sqlite"
    with Executor({"changing": path}, workers=1) as executor:
        for value in (1, 2):
            path.unlink(missing_ok=True)
            connection = sqlite3.connect(path)
            connection.execute(f"CREATE TABLE t AS SELECT {value} AS x")
            connection.close()
            time.sleep(0.1)  # a file counts as unchanged for half of that
            assert executor.execute("changing", "SELECT x FROM t").rows == ((value,),)
