"""Things that are open: closed before the interpreter ends, and left alone in a child of a fork."""
from __future__ import annotations

import atexit
import threading
import weakref
from typing import Any

from ._library import lib

_open: weakref.WeakSet[Any] = weakref.WeakSet()


class Closing:
    """What has `_close()`, which is called once. `_order`: those with the least are closed first at the end."""

    _order = 0

    def __init__(self) -> None:
        self._closed, self._closing = False, threading.Lock()
        _open.add(self)

    @property
    def closed(self) -> bool:
        return bool(self.__dict__.get("_closed", True))

    def close(self) -> None:
        """Closes it; may be called again."""
        if self.closed:
            return
        with self._closing:
            first, self._closed = not self._closed, True
        if first and not lib.forked:
            self._close()

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
