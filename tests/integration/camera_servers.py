"""Real servers for the tests of sources, on free ports: GStreamer's RTSP server, nginx with RTMP and HLS, multipart JPEG."""
from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import DEPS, free_port

SERVERS = DEPS / "servers"
FFMPEG = shutil.which("ffmpeg")


def answers(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(0.2)
        return s.connect_ex(("127.0.0.1", port)) == 0


def make_clip(path: Path, size="320x240", fps=25, seconds=60, codec="h264", gop=10, more=()) -> Path:
    """A moving test picture; key frames often, so that whoever comes in sees something soon."""
    if not FFMPEG:
        pytest.skip("ffmpeg is not installed")
    encoders = {"h264": ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency"], "mpeg4": ["-c:v", "mpeg4"],
                "hevc": ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none"]}
    subprocess.run([FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc=size={size}:rate={fps}", "-t", str(seconds),
                    *encoders[codec], "-g", str(gop), "-pix_fmt", "yuv420p", *more, str(path)], check=True)
    return path


class Process:
    """A server of its own process; `kill` is SIGKILL, `start` brings it back on the same port."""

    def __init__(self, command: list[str], port: int, env: dict | None = None, log: Path | None = None):
        self.command, self.port, self.env, self.log = command, port, env, log
        self.process = None
        self.start()

    def start(self, seconds: float = 30) -> None:
        to = self.log.open("a") if self.log else subprocess.DEVNULL
        self.process = subprocess.Popen(self.command, env=self.env, stdout=to, stderr=to, stdin=subprocess.DEVNULL)
        until = time.monotonic() + seconds
        while not answers(self.port):
            assert self.process.poll() is None and time.monotonic() < until, (
                f"{self.command[0]} did not start: {self.log.read_text() if self.log else ''}")
            time.sleep(0.01)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def send(self, number: int) -> None:
        self.process.send_signal(number)


def gstreamer_environment(folder: Path) -> dict:
    library = next(SERVERS.glob("usr/lib/*/girepository-1.0"), SERVERS / "none").parent
    plugins = str(library / "gstreamer-1.0")
    return {**os.environ, "LD_LIBRARY_PATH": str(library), "PYTHONPATH": str(SERVERS / "usr/lib/python3/dist-packages"),
            "GI_TYPELIB_PATH": f"{library / 'girepository-1.0'}:{SERVERS / 'usr/lib/girepository-1.0'}",
            "GST_PLUGIN_PATH_1_0": plugins, "GST_PLUGIN_SYSTEM_PATH_1_0": plugins, "GST_REGISTRY": str(folder / "gst-registry"),
            "GST_PLUGIN_SCANNER": str(library / "gstreamer1.0/gstreamer-1.0/gst-plugin-scanner")}


def rtsp_server(folder: Path, clip: Path, *login: str) -> Process:
    """rtsp://127.0.0.1:PORT/h264 and /mjpeg."""
    if not (SERVERS / ".complete").exists():
        pytest.skip("the RTSP server is not set up: scripts/setup check")
    port = free_port()
    return Process(["/usr/bin/python3", str(Path(__file__).with_name("rtsp_server.py")), str(port), str(clip), *login], port,
                   gstreamer_environment(folder), folder / "rtsp.log")


NGINX = """daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{ access_log off; server {{ listen 127.0.0.1:{rtmp}; ping 5s; application live {{ live on; hls on; hls_path {folder}/hls;
 hls_fragment 1s; hls_playlist_length 5s; }} }} }}
http {{ access_log off; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
 uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
 types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; video/mp4 mp4; }}
 server {{ listen 127.0.0.1:{http}; root {folder}; }} }}
"""


class Nginx(Process):
    """RTMP in and out at `rtmp`, HLS of what is published at http://…/hls/NAME.m3u8, files of `folder`."""

    def __init__(self, folder: Path):
        binary, module = SERVERS / "usr/sbin/nginx", SERVERS / "usr/lib/nginx/modules/ngx_rtmp_module.so"
        if not binary.exists():
            pytest.skip("nginx is not set up: scripts/setup check")
        self.folder, self.rtmp, self.http = folder, free_port(), free_port()
        (folder / "hls").mkdir(parents=True, exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, module=module, rtmp=self.rtmp, http=self.http))
        super().__init__([str(binary), "-e", str(folder / "nginx.log"), "-p", str(folder), "-c", str(config)], self.http, log=folder / "nginx.out")

    def publish(self, clip: Path, name: str) -> subprocess.Popen:
        return subprocess.Popen([FFMPEG, "-v", "error", "-re", "-stream_loop", "-1", "-i", str(clip), "-c", "copy", "-f", "flv",
                                 f"rtmp://127.0.0.1:{self.rtmp}/live/{name}"], stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Jpegs:
    """A camera that sends JPEGs over HTTP. `behave` may be changed at any time: "send", "silent", "cut" (broken JPEGs)."""

    def __init__(self, pictures: list[bytes], fps: float = 25, port: int = 0):
        self.pictures, self.fps, self.behave, self.asked = pictures, fps, "send", []
        self.pages = {}  # path → (status, headers, body)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def do_GET(self):
                outer.answer(self)

        class Server(socketserver.ThreadingMixIn, HTTPServer):
            daemon_threads = allow_reuse_address = True

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, h):
        self.asked.append(h.path)
        if h.path in self.pages:
            status, headers, body = self.pages[h.path]
            h.send_response(status)
            for name, value in headers.items():
                h.send_header(name, value)
            h.send_header("Content-Length", str(len(body)))
            h.end_headers()
            h.wfile.write(body)
            return
        h.send_response(200)
        h.send_header("Content-Type", "multipart/x-mixed-replace; boundary=--frame")
        h.end_headers()
        number = 0
        while True:
            picture = self.pictures[number % len(self.pictures)]
            number += 1
            if self.behave == "cut":
                picture = picture[:len(picture) // 2]
            if self.behave != "silent":
                h.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture)
                              + picture + b"\r\n")
            time.sleep(1 / self.fps)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
