"""nginx as packaging/nginx/fovea.conf sets it up, in a folder of a test and on a free port."""
from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from conftest import DEPS, ROOT, free_port

CONF = ROOT / "packaging/nginx/fovea.conf"
MAIN = """
worker_processes 1;
daemon off;
pid {at}/pid;
error_log {at}/error.log warn;
events {{ worker_connections 512; }}
http {{
    client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u;
    scgi_temp_path {at}/s;
    gzip on; gzip_types *;  # as many have it switched on for everything
    include {at}/fovea.conf;
}}
"""


def find() -> str | None:
    """Unpacked by set-up, or the system's own."""
    unpacked = DEPS / "servers/usr/sbin/nginx"
    return str(unpacked) if unpacked.exists() else shutil.which("nginx")


class Nginx:
    """A running nginx before `upstream` (host:port). The file of packaging/ is taken as it is, but for where it listens,
    logs, and finds fovea."""

    def __init__(self, folder: Path, upstream: str, tls: bool = False):
        self.port, self.tls_port = free_port(), free_port()
        self.folder = folder
        text = CONF.read_text()
        for pattern, place in ((r"server fovea:8080;", f"server {upstream};"), (r"listen 80;", f"listen 127.0.0.1:{self.port};"),
                               (r"/dev/stdout", f"{folder}/access.log"), (r"/dev/stderr", f"{folder}/error.log")):
            text, count = re.subn(pattern, place, text)
            assert count == 1, f"{pattern} stands {count} times in {CONF}"
        if tls:
            text = self.with_tls(text)
        (folder / "fovea.conf").write_text(text)
        (folder / "nginx.conf").write_text(MAIN.format(at=folder))
        words = [find(), "-e", f"{folder}/error.log", "-p", str(folder), "-c", f"{folder}/nginx.conf"]
        tested = subprocess.run([*words, "-t"], capture_output=True, text=True)
        assert tested.returncode == 0, tested.stderr
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"nginx does not listen: {(folder / 'error.log').read_text()}")

    def with_tls(self, text: str) -> str:
        """The lines that the file has ready for a certificate, with one of the test."""
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=cam.example", "-addext", "subjectAltName=DNS:cam.example",
                        "-keyout", f"{self.folder}/key.pem", "-out", f"{self.folder}/cert.pem"], check=True, capture_output=True)
        lines, count = re.subn(r"^( +)#(listen 443|ssl_)", r"\1\2", text, flags=re.M)
        assert count == 3, f"the lines for a certificate are not in {CONF}"
        return lines.replace("listen 443 ", f"listen 127.0.0.1:{self.tls_port} ") \
            .replace("/etc/nginx/cam.example.pem", f"{self.folder}/cert.pem") \
            .replace("/etc/nginx/cam.example.key", f"{self.folder}/key.pem")

    @property
    def log(self) -> str:
        return (self.folder / "access.log").read_text()

    @property
    def errors(self) -> str:
        return (self.folder / "error.log").read_text()

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(10)
