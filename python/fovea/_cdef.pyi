"""Made by build_cdef.py of the public headers."""
from typing import Any

ffi: Any
