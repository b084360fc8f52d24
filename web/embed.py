#!/usr/bin/env python3
"""Turns the page files into C: embed.py WEB_DIR OUT.c OUT.h DEPFILE [NAME=FILE ...]

Every .html, .js, .css and .svg under WEB_DIR is embedded under its path there ("js/view.js"); NAME=FILE adds files from
elsewhere. Each has its type, a strong ETag from its content and, where that is smaller, a gzip copy made once, here.
"""
import gzip
import hashlib
import sys
from pathlib import Path

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", "": "text/plain; charset=utf-8"}

HEADER = """/* Page files in the program; made by web/embed.py. */
#pragma once
#include <stddef.h>

struct web_asset {
    const char *path; /* "start.html", "js/view.js" */
    const char *type; /* Content-Type */
    const char *etag; /* with its quotes; the gzip copy is the same content */
    const unsigned char *data;
    size_t size;
    const unsigned char *gzip; /* NULL where compressing gains nothing */
    size_t gzip_size;
};

/* The file of that path, or NULL. Thread-safety: any thread. Blocks: no. */
const struct web_asset *web_asset_find(const char *path);

/* All files, sorted by path. */
extern const struct web_asset web_assets[];
extern const size_t web_asset_count;
"""

FIND = """
static int by_path(const void *path, const void *asset)
{
    return strcmp(path, ((const struct web_asset *)asset)->path);
}

const struct web_asset *web_asset_find(const char *path)
{
    return bsearch(path, web_assets, web_asset_count, sizeof *web_assets, by_path);
}
"""

PLAIN = {b: chr(b) for b in range(32, 127) if chr(b) not in '"\\?'}


def literal(data):
    """Bytes as C string literals: compilers read them much faster than lists of numbers."""
    lines = (data[i:i + 96] for i in range(0, len(data), 96))
    return "\n".join('    "' + "".join(PLAIN.get(b) or f"\\{b:03o}" for b in line) + '"' for line in lines) or '    ""'


def collect(web, extra):
    files = {str(p.relative_to(web)): p for p in web.rglob("*") if p.is_file() and p.suffix in TYPES and p.suffix}
    files.update(pair.split("=", 1) for pair in extra)
    return {name: Path(files[name]) for name in sorted(files)}


def main():
    web, c_file, h_file, dep_file, *extra = sys.argv[1:]
    files = collect(Path(web), extra)
    arrays, rows = [], []
    for i, (name, path) in enumerate(files.items()):
        data = path.read_bytes()
        packed = gzip.compress(data, 9, mtime=0)
        etag = hashlib.sha256(data).hexdigest()[:20]
        arrays.append(f"static const unsigned char data_{i}[] =\n{literal(data)};")
        small = len(packed) < len(data)
        if small:
            arrays.append(f"static const unsigned char gzip_{i}[] =\n{literal(packed)};")
        rows.append(f'    {{"{name}", "{TYPES[path.suffix]}", "\\"{etag}\\"", data_{i}, {len(data)}, '
                    + (f"gzip_{i}, {len(packed)}}}," if small else "NULL, 0},"))
    table = "\nconst struct web_asset web_assets[] = {\n" + "\n".join(rows) + "\n};\n"
    count = f"const size_t web_asset_count = {len(rows)};\n"
    Path(h_file).write_text(HEADER)
    Path(c_file).write_text("\n".join(['#include "web_assets.h"', "#include <stdlib.h>", "#include <string.h>", "", *arrays])
                            + "\n" + table + count + FIND)
    Path(dep_file).write_text(f"{c_file}: " + " ".join(str(p).replace(" ", "\\ ") for p in files.values()) + "\n")


if __name__ == "__main__":
    main()
