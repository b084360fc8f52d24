"""When and how often something is tried again."""
from __future__ import annotations

import random
import time

from .errors import ConnectionFailed, NotTrusted, ServerError, Unavailable

FIRST_S, MOST_S = 0.1, 5.0


def passing(error: BaseException) -> bool:
    """It may be better the next time: the server is away or busy. A refusal stays one."""
    if isinstance(error, ServerError):
        return isinstance(error, Unavailable) or error.status >= 500
    return isinstance(error, (ConnectionFailed, TimeoutError)) and not isinstance(error, NotTrusted)


class Backoff:
    """Waits that double from 0.1 s to 5 s, each shortened by chance so that clients do not come all at once.

    `for_s`: how long it is tried in all since the last success; None: for ever, 0: not at all."""

    def __init__(self, for_s: float | None) -> None:
        self.for_s = for_s
        self.done()

    def done(self) -> None:
        """It worked."""
        self._next, self._began = FIRST_S, 0.0

    def wait(self, error: BaseException) -> float:
        """Seconds to wait before the next try. Raises `error` when it is final or the time is over."""
        now = time.monotonic()
        self._began = self._began or now
        left = float("inf") if self.for_s is None else self.for_s - (now - self._began)
        if left <= 0 or not passing(error):
            raise error
        seconds = self._next * random.uniform(0.5, 1.0)
        self._next = min(MOST_S, 2 * self._next)
        if isinstance(error, ServerError) and error.retry_after_s is not None:
            seconds = max(seconds, min(error.retry_after_s, 60.0))
        return min(seconds, left)
