"""A function of the user's as a model for single frames: it runs on a thread of its own, and nobody waits beyond the deadline."""
from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .._errors import DeadlineExceeded
from .pixels import Picture


class Call:
    """One picture on its way through the function."""

    def __init__(self, picture: Picture) -> None:
        self.picture, self.done = picture, threading.Event()
        self.found: Any = None
        self.error: BaseException | None = None


class FunctionThread:
    """Runs a function with one picture after the other. What waits longer than its deadline is never begun."""

    def __init__(self, function: Callable[[Picture], Any]) -> None:
        self._function = function
        self._one, self._change = threading.Lock(), threading.Condition()
        self._waiting: Call | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="fovea model function", daemon=True)
        self._thread.start()

    def __call__(self, picture: Picture, timeout_s: float | None) -> Any:
        """What the function gives; raises what it raises, and DeadlineExceeded when it has not answered in time."""
        call = Call(picture)
        if not self._one.acquire(timeout=-1 if timeout_s is None else timeout_s):
            raise DeadlineExceeded("the model function still works on earlier pictures")
        try:
            with self._change:
                self._waiting = call
                self._change.notify()
            if not call.done.wait(timeout_s):
                with self._change:
                    begun, self._waiting = self._waiting is not call, None
                raise DeadlineExceeded("the model function takes longer than the deadline" if begun else
                                       "the model function still works on earlier pictures")
        finally:
            self._one.release()
        if call.error is not None:
            raise call.error
        return call.found

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting is not None or self._closed)
                if self._closed:
                    return
                call, self._waiting = self._waiting, None
            assert call is not None
            try:
                call.found = self._function(call.picture)
            except BaseException as error:  # it is raised where the answer is waited for
                call.error = error
            call.done.set()

    def close(self) -> None:
        """The thread ends after the picture that it works on."""
        with self._change:
            self._closed = True
            self._change.notify()
