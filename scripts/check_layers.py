#!/usr/bin/env python3
"""Checks that every file includes only its own room, lower rooms and the public headers.

    check_layers.py [ROOT]      prints one line for each offence; exit 1 when there is one

The rooms, lowest first; rooms on one line are siblings and never meet (docs/architecture.md):
"""
import re
import sys
from pathlib import Path

FLOORS = [["base"], ["media", "net"], ["infer", "track", "scene", "device"], ["flow"], ["serve"], ["apps"]]
FLOOR_OF = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
# Libraries that only one room may know, so that they can be replaced there.
OWNED = {"event2/": "net", "evhttp": "net", "libavformat/": "media", "libavcodec/": "media", "libswscale/": "media",
         "turbojpeg.h": "media", "jpeglib.h": "media", "openvino/": "infer", "cjson/": "base",
         "sqlite3.h": "serve"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.MULTILINE)


def room_of(path, root):
    """The room a source file belongs to, "public" for include/fovea, None for files without a rule."""
    parts = path.relative_to(root).parts
    if parts[0] == "include":
        return "public"
    if parts[0] == "apps":
        return "apps"
    return parts[1] if parts[0] == "src" and len(parts) > 2 else None


def offence(room, bracket, header):
    """Why `room` may not include `header`, or None."""
    owner = next((owner for prefix, owner in OWNED.items() if header.startswith(prefix)), None)
    if bracket == "<" and owner and owner != room:
        return f"<{header}> is known to {owner}/ only"
    if room == "public":
        return None if bracket == "<" else "a public header includes only <fovea/...> and the C library"
    if ".." in header:
        return "name the room instead of .."
    target = header.split("/")[0]
    if bracket == "<" or "/" not in header or target not in FLOOR_OF or target == room:
        return None
    if FLOOR_OF[target] == FLOOR_OF[room]:
        return f"{room}/ and {target}/ are siblings"
    return f"{target}/ is above {room}/" if FLOOR_OF[target] > FLOOR_OF[room] else None


def offences(root):
    files = [path for folder in ("src", "apps", "include") for path in sorted((root / folder).rglob("*.[ch]"))]
    for path in files:
        room = room_of(path, root)
        if room != "public" and room not in FLOOR_OF:
            yield f"{path.relative_to(root)}: {room or 'no room'} is not a room of the design"
            continue
        text = path.read_text(errors="replace")
        for match in INCLUDE.finditer(text):
            reason = offence(room, *match.groups())
            if reason:
                line = text.count("\n", 0, match.start(2)) + 1
                yield f"{path.relative_to(root)}:{line}: includes {match.group(2)}: {reason}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    found = list(offences(root))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
