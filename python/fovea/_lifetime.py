"""Things that are open: closed before the interpreter ends, and left alone in a child of a fork."""
from __future__ import annotations

import atexit
import threading
import weakref
from typing import Any

from ._errors import Closed
from ._library import end_log, lib

LEAVE_S = 5.0  # calls look so often whether they are to end that this is plenty
_open: weakref.WeakSet[Any] = weakref.WeakSet()


class Use:
    """`with` it, what is open stays so; raises Closed when it is not."""

    def __init__(self, what: str) -> None:
        self._what, self._lock, self._inside = what, threading.Lock(), 0
        self.closed, self._left = False, threading.Event()

    def __enter__(self) -> None:
        lib.check()
        with self._lock:
            if self.closed:
                raise Closed(f"the {self._what} is closed")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self.closed and not self._inside:
                self._left.set()

    def end(self) -> bool:
        """Nobody enters any more, and who is inside has left; False: somebody did not, it must stay as it is."""
        with self._lock:
            self.closed, empty = True, not self._inside
        return empty or self._left.wait(LEAVE_S)


class Closing:
    """What has `_close()`, which is called once, when nobody is in `self._use` any more. `_order`: those with the least are
    closed first at the end."""

    _order = 0

    def __init__(self, what: str = "") -> None:
        self._closing, self._use, self._ended = threading.Lock(), Use(what or type(self).__name__), threading.Event()
        _open.add(self)

    @property
    def closed(self) -> bool:
        use = self.__dict__.get("_use")
        return use is None or bool(use.closed)

    def close(self) -> None:
        """Closes it; may be called again."""
        if self.closed or lib.forked:
            return
        with self._closing:
            free = not self.closed and self._use.end()
        if free:
            self._close()
        self._ended.set()

    def _close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


@atexit.register
def close_all() -> None:
    for one in sorted(_open, key=lambda one: one._order):
        one.close()
    end_log()
