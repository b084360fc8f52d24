"""Workers of streams: threads that run a model, shared by the streams on it."""
from __future__ import annotations

import threading
from typing import Any

from ._errors import check, new_error
from ._library import ffi, lib
from ._lifetime import Closing
from ._own import OwnModel


class Workers(Closing):
    """fov_workers. Its creator and each stream hold it; who lets go last closes it."""

    _order = 2

    def __init__(self, options: Any, count: int = 0, own: OwnModel | None = None) -> None:
        self.handle, error = ffi.new("fov_workers **"), new_error()
        self._options, self._own, self._holders, self._counting = options, own, 1, threading.Lock()
        params = ffi.new("fov_workers_params *", {"workers": count, "model": options.params, "pin_latency": own is not None})
        check(lib.fov_workers_create(self.handle, params, error), error)
        super().__init__("pool of workers")

    def hold(self) -> Workers:
        with self._counting:
            self._holders += 1
        return self

    def let_go(self) -> None:
        with self._counting:
            self._holders -= 1
            last = self._holders == 0
        if last:
            self.close()

    def info(self) -> dict[str, Any]:
        about = ffi.new("fov_workers_info *")
        lib.fov_workers_get_info(self.handle[0], about)
        return {name: ffi.string(value).decode() if isinstance(value := getattr(about, name), ffi.CData) else value
                for name in dir(about)}

    def _close(self) -> None:
        lib.fov_workers_destroy(self.handle)
        if self._own is not None:
            self._own.caller.stop()
