"""The echo server for each test: started with its options, ended by SIGTERM, must end clean."""
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, os.path.dirname(__file__))
SERVER = os.environ.get("FOVEA_NET_SERVER", "")


class Server:
    def __init__(self, *options):
        # a sanitizer that keeps freed memory would hide what the memory tests look for
        env = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=1"}
        self.process = subprocess.Popen([SERVER, *map(str, options)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
        self.port, self.tls_port = map(int, self.process.stdout.readline().split())

    def connect(self, data=b"", timeout=5.0, source=None, host="127.0.0.1"):
        sock = socket.create_connection((host, self.port), timeout, (source, 0) if source else None)
        if data:
            sock.sendall(data)
        return sock

    def ask(self, data, timeout=5.0, source=None):
        """Sends bytes, reads until the server closes or nothing comes any more."""
        with self.connect(data, timeout, source) as sock:
            return read_all(sock)

    def get(self, path, method="GET", body=None, headers={}, source=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, 10, source_address=(source, 0) if source else None)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def stats(self):
        return json.loads(self.get("/stats")[2])

    def wait_stats(self, seconds=20.0, **wanted):
        """The numbers must come to be as wanted."""
        end = time.monotonic() + seconds
        while True:
            stats = self.stats()
            if all(stats[key] == value for key, value in wanted.items()):
                return stats
            assert time.monotonic() < end, f"{stats} never became {wanted}"
            time.sleep(0.05)

    def rss(self):
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=15)
        return errors.decode()


def read_all(sock):
    """Bytes up to the end of the connection or one second of silence."""
    sock.settimeout(1.0)
    data = b""
    try:
        while chunk := sock.recv(65536):
            data += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return data


@pytest.fixture
def serve():
    servers = []

    def start(*options):
        servers.append(Server(*options))
        return servers[-1]

    yield start
    for server in servers:
        errors = server.stop()
        assert server.process.returncode == 0, errors
        assert "runtime error" not in errors and "Sanitizer" not in errors, errors


@pytest.fixture
def server(serve):
    return serve()


if not SERVER:
    collect_ignore_glob = ["test_*.py"]
