"""Where a server is and how it is trusted."""
from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from typing import Mapping
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from .errors import ConnectionFailed

_SECURE = {"http": False, "ws": False, "https": True, "wss": True}
Parameter = str | int | float | bool | None


@dataclass(frozen=True)
class Address:
    """A server's place. The token never stands in `str(address)`, nor in an exception."""
    host: str
    port: int
    secure: bool
    prefix: str = ""  # path in front of all others, for servers behind a proxy
    token: str | None = field(default=None, repr=False)
    ca: str | None = None  # PEM file that is trusted instead of the machine's authorities

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http{'s' if self.secure else ''}://{host}:{self.port}{self.prefix}"

    def url(self, target: str) -> str:
        """The WebSocket URL of a path."""
        return "ws" + str(self).removeprefix("http") + target

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def context(self) -> ssl.SSLContext | None:
        """Raises ConnectionFailed when the certificate file cannot be read."""
        if not self.secure:
            return None
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise ConnectionFailed(f"ca: {self.ca} cannot be read as a certificate: {error}") from error


def parse(url: str, token: str | None = None, ca: str | os.PathLike[str] | None = None) -> Address:
    """`http://host:8440`, `https://…`, `host:8440`; a `?token=` in it, as `fovea serve` prints it, is taken as the token.
    Raises ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in _SECURE or not parts.hostname:
        raise ValueError(f"url: {url.split('?')[0]!r} is no address of a server, as http://127.0.0.1:8440 is one")
    if parts.username or parts.password:
        raise ValueError("url: give the token as token=, not as a user's name")
    token = token or parse_qs(parts.query).get("token", [None])[0]
    if token is not None and not (token.isascii() and token.isprintable() and " " not in token):
        raise ValueError("token: it has characters that no token has (a line's end, a space?)")
    secure = _SECURE[parts.scheme]
    return Address(parts.hostname, parts.port or (443 if secure else 80), secure, parts.path.rstrip("/"), token,
                   os.fspath(ca) if ca is not None else None)


def target(path: str, parameters: Mapping[str, Parameter] | None = None, **names: str) -> str:
    """A path with `{name}` filled in, and the query of all parameters that are not None."""
    filled = path.format(**{name: quote(value, safe="") for name, value in names.items()})
    given = {name: str(value).lower() if isinstance(value, bool) else str(value)
             for name, value in (parameters or {}).items() if value is not None}
    return filled + ("?" + urlencode(given) if given else "")
