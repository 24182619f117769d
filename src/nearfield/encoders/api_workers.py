"""A few threads that work through jobs, for work that waits for others."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_WAKE_SECONDS = 0.5


class Workers(Generic[Job, Result]):
    """Does jobs side by side and hands back each result as soon as it is there, in no order.

    The threads are daemons: whoever is interrupted, by Ctrl-C for example, waits for no answer still under way, neither
    now nor when the interpreter ends.

    Args:
        work: Does a job, in one of the threads; it is to end early when `stop` is set. What it adds to `todo` is done
            too.
        jobs: The first jobs.
        count: Most threads.

    Attributes:
        todo: Jobs that no thread has taken yet.
        stop: Set when nothing more is to be begun.
    """

    todo: "queue.SimpleQueue[Job]"
    stop: threading.Event

    def __init__(
        self, work: "Callable[[Job, Workers[Job, Result]], Result | None]", jobs: Iterable[Job], count: int
    ) -> None:
        self.todo = queue.SimpleQueue()
        self.stop = threading.Event()
        self._done: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()
        self._work = work
        for job in jobs:
            self.todo.put(job)
        self._count = min(count, self.todo.qsize())

    def results(self) -> Iterator[Result]:
        """Do the jobs.

        Yields:
            What `work` returned, where that is not None. When a job fails, those already begun are still waited for
            and handed back, as they may have been paid for; then its error is raised.
        """
        threads = [threading.Thread(target=self._run, daemon=True, name="nearfield-api") for _ in range(self._count)]
        first: BaseException | None = None
        try:
            for thread in threads:
                thread.start()
            running = len(threads)
            while running:
                outcome = self._next()
                if outcome is None:
                    running -= 1
                elif isinstance(outcome, BaseException):
                    first = first or outcome
                else:
                    yield outcome
        finally:
            self.stop.set()
        if first is not None:
            raise first

    def _next(self) -> Result | BaseException | None:
        while True:
            try:
                return self._done.get(timeout=_WAKE_SECONDS)
            except queue.Empty:
                continue  # Windows handles Ctrl-C only between two waits

    def _run(self) -> None:
        try:
            while not self.stop.is_set() and (job := self._take()) is not None:
                result = self._work(job, self)
                if result is not None:
                    self._done.put(result)
        except BaseException as error:  # it belongs to the thread that asked
            self._done.put(error)  # before the others stop, so that it is the first
            self.stop.set()
        finally:
            self._done.put(None)

    def _take(self) -> Job | None:
        try:
            return self.todo.get_nowait()
        except queue.Empty:
            return None
