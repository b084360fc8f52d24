#!/usr/bin/env python3
"""Writes tiny packages under the names that the real lock file has, and prints a lock file for them.

    tiny_packages.py DEPS.LOCK FOLDER

Their members have the real paths and a few kilobytes of text, so that set-up runs whole in a second.
"""
import hashlib
import sys
import zipfile
from pathlib import Path

EXTRA = {"openvino": ["openvino/include/openvino/c/openvino.h", "openvino/libs/libopenvino_c.so.2641",
                      "openvino/libs/libopenvino.so.2641", "openvino-2026.4.1.dist-info/licenses/LICENSE"],
         "litert": ["ai_edge_litert/libLiteRt.so", "ai_edge_litert-2.3.0.dist-info/licenses/LICENSE"],
         "onnxruntime": ["onnxruntime/capi/libonnxruntime.so.1.31.1", "onnxruntime/LICENSE",
                         "onnxruntime/ThirdPartyNotices.txt"],
         "numpy": ["numpy/__init__.py"]}


def content(path):
    return (f"{path} " * (200000 // (len(path) + 1))).encode()


def main():
    lock, folder = Path(sys.argv[1]), Path(sys.argv[2])
    rows = [line.split() for line in lock.read_text().splitlines() if line.strip() and line[0] != "#"]
    members = [row for row in rows if row[0] == "member"]
    for name, _, _, project, file in (row for row in rows if row[0] != "member"):
        with zipfile.ZipFile(folder / file, "w") as archive:    # stored, so that it has a size worth cutting
            for inside in EXTRA.get(name, []) + [row[3] for row in members if row[1] == name]:
                archive.writestr(inside, content(inside))
        data = (folder / file).read_bytes()
        print(name, hashlib.sha256(data).hexdigest(), len(data), project, file)
    for _, owner, _, inside, place in members:
        print("member", owner, hashlib.sha256(content(inside)).hexdigest(), inside, place)


if __name__ == "__main__":
    main()
