#!/usr/bin/env python3
"""A package index on loopback for the tests of scripts/setup: serves the files of a folder, with ranges.

    index_server.py FOLDER LOG [--cut BYTES] [--plain]      prints its port, then serves until it is killed

--cut ends the first answer for each file after BYTES (a broken download); --plain ignores ranges (an old proxy).
Each request for a file is a line in LOG: `FILE FIRST_BYTE`.
"""
import argparse
import http.server
import re
from pathlib import Path


class Index(http.server.BaseHTTPRequestHandler):
    options = None
    seen = set()

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[0] == "simple":
            self.send_page(parts[1])
        else:
            self.send_file(Path(self.options.folder) / parts[-1])

    def send_page(self, project):
        names = [path.name for path in Path(self.options.folder).glob("*.whl")]
        mine = [name for name in names if name.startswith(project.replace("-", "_") + "-")]
        page = "".join(f'<a href="/files/{name}#sha256=0">{name}</a>\n' for name in mine).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def send_file(self, path):
        data, wanted = path.read_bytes(), re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        first = int(wanted.group(1)) if wanted and not self.options.plain else 0
        with open(self.options.log, "a") as log:
            log.write(f"{path.name} {first}\n")
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        cut = self.options.cut if path.name not in self.seen else None
        self.seen.add(path.name)
        self.wfile.write(data[first:][:cut])
        self.close_connection = True

    def log_message(self, *_):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("log")
    parser.add_argument("--cut", type=int)
    parser.add_argument("--plain", action="store_true")
    Index.options = parser.parse_args()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
