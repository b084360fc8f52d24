#!/usr/bin/env python3
"""What libfovea.so exports and what include/fovea declares must be the same set of names."""
import pathlib
import re
import subprocess
import sys


def declared(folder: pathlib.Path) -> set[str]:
    names: set[str] = set()
    for header in folder.glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for match in re.finditer(r"\bFOV_API\b[^;{]*?\b(fov_[a-z0-9_]+)\s*\(", text):
            names.add(match.group(1))
    return names


def exported(library: str) -> set[str]:
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    names = {line.split()[-1].split("@")[0] for line in listing.splitlines()}
    return {n for n in names if not n.startswith(("_init", "_fini", "__", "_edata", "_end"))}


def main() -> int:
    header_names = declared(pathlib.Path(sys.argv[1]))
    library_names = exported(sys.argv[2])
    for name in sorted(header_names - library_names):
        print(f"declared but not exported: {name}")
    for name in sorted(library_names - header_names):
        print(f"exported but not declared: {name}")
    return 1 if header_names != library_names else 0


if __name__ == "__main__":
    sys.exit(main())
