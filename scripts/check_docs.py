#!/usr/bin/env python3
"""Checks that every public function says what a caller must know.

    check_docs.py [ROOT]        prints one line for each offence; exit 1 when there is one

Each FOV_API function of include/fovea/ has a comment right above it with a sentence, `Thread-safety:` and
`Blocks:`. Functions that stand together without an empty line may share the comment above the first.
"""
import re
import sys
from pathlib import Path

NAME = re.compile(r"\b(fov_\w+)\s*\(")
WANTED = ("Thread-safety:", "Blocks:")


def blocks(text):
    """The text cut at empty lines outside comments: (first line's number, text)."""
    number, start, lines, inside = 0, 1, [], False
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() and not inside:
            if lines:
                yield start, "\n".join(lines)
            lines = []
            continue
        if not lines:
            start = number
        lines.append(line)
        inside = "*/" not in line[line.rfind("/*"):] if "/*" in line else inside and "*/" not in line
    if lines:
        yield start, "\n".join(lines)


def offences(root):
    for path in sorted((root / "include").rglob("*.h")):
        for start, block in blocks(path.read_text()):
            comments = " ".join(re.findall(r"/\*.*?\*/", block, re.DOTALL))
            code = re.sub(r"/\*.*?\*/", "", block, flags=re.DOTALL)
            missing = [word for word in WANTED if word not in comments]
            if "#define" in code or not missing:
                continue
            for declaration in re.findall(r"FOV_API[^;]*;", code):
                name = NAME.search(declaration)
                yield f"{path.relative_to(root)}:{start}: {name.group(1) if name else '?'} lacks {', '.join(missing)}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parents[1])
    found = list(offences(root))
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
