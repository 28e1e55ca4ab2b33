"""Threads that work through a list, and what they finish as it comes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Generic, TypeVar

__all__ = ["work_through"]

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Finished(Generic[Result]):
    result: Result


def work_through(
    items: Sequence[Item], work: Callable[[Item], Result], threads: int, stopped: Event
) -> Iterator[Result]:
    """Yield `work(item)` for all items, in the order in which they finish.

    After the first failure nothing more is begun; what is under way is waited for and yielded, and the failure is
    raised last, so that no finished result is lost. `stopped` is set by then, or when the caller wants no more: `work`
    may look at it while it waits. Nobody waits for threads after Ctrl-C: they are daemons.
    """
    todo: SimpleQueue[Item] = SimpleQueue()
    done: SimpleQueue[_Finished[Result] | BaseException | None] = SimpleQueue()
    for item in items:
        todo.put(item)
    running = min(threads, len(items))
    for number in range(running):
        Thread(target=_run, args=(todo, done, work, stopped), name=f"t2s-ask-{number}", daemon=True).start()
    failure: BaseException | None = None
    try:
        while running:
            got = done.get()
            if isinstance(got, _Finished):
                yield got.result
            elif got is None:
                running -= 1
            else:
                failure = failure or got
    finally:
        stopped.set()
    if failure is not None:
        raise failure


def _run(
    todo: SimpleQueue[Item],
    done: SimpleQueue[_Finished[Result] | BaseException | None],
    work: Callable[[Item], Result],
    stopped: Event,
) -> None:
    while not stopped.is_set():
        try:
            item = todo.get_nowait()
        except Empty:
            break
        try:
            done.put(_Finished(work(item)))
        except BaseException as error:  # noqa: BLE001 - raised again where the results are waited for
            done.put(error)  # before the others learn of it and give up: theirs would be no reason
            stopped.set()
    done.put(None)
