#!/usr/bin/env python3
"""Turns the public headers into fovea/_cdef.py, what cffi reads them as.

    build_cdef.py [FOLDER]      writes FOLDER/_cdef.py (default: fovea/ beside this file)

The headers are the only place where structs and functions are written down. They use little of the preprocessor:
guards, constants, and lists of rows (`#define FOV_DROP_MAP(X) X(QUEUE, "queue") ...`), so no compiler is needed.
"""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# In the tree, and in a source package that carries them.
INCLUDE = next((folder for folder in (HERE.parent / "include", HERE / "include") if (folder / "fovea").is_dir()), None)
NAME = re.compile(r"[A-Za-z_]\w*")


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL).replace("\\\n", " ")


class Preprocessor:
    """As much of C's as the headers need."""

    def __init__(self, folder):
        self.folder = folder
        self.seen, self.constants, self.functions, self.lines = set(), {}, {}, []

    def read(self, header):
        """Takes a header in, and those of fovea's that it includes, each once."""
        if header in self.seen:
            return
        self.seen.add(header)
        taken = [True]  # one entry a conditional that is open
        for line in without_comments((self.folder / header).read_text()).splitlines():
            directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
            if not directive:
                self.lines += [line] if all(taken) else []
            elif directive[1] in ("if", "ifdef", "ifndef"):
                taken.append(directive[1] == "ifndef")  # neither C++ nor a compiler with attributes
            elif directive[1] == "else":
                taken[-1] = not taken[-1]
            elif directive[1] == "endif":
                taken.pop()
            elif all(taken):
                self.direct(directive[1], directive[2].strip())

    def direct(self, word, rest):
        if word == "include":
            if rest.startswith("<fovea/"):
                self.read(rest[1:-1])
        elif word == "define":
            name, parameters, body = re.fullmatch(r"(\w+)(\([^)]*\))?\s*(.*)", rest).groups()
            if parameters is None:
                self.constants[name] = body.strip()
            else:
                self.functions[name] = [one.strip() for one in parameters[1:-1].split(",")], body.strip()
        elif word not in ("undef", "error", "pragma"):
            raise SystemExit(f"build_cdef: #{word} {rest}: not known here")

    def expand(self, text):
        """`text` with macros replaced, until none is left."""
        position = 0
        while match := NAME.search(text, position):
            name, end = match[0], match.end()
            if name in self.functions and (call := re.match(r"\s*\(", text[end:])):
                stop = closing(text, end + call.end() - 1)
                replaced = self.call(name, arguments(text[end + call.end():stop]))
                text = text[:match.start()] + replaced + text[stop + 1:]
            elif name in self.constants:
                text = text[:match.start()] + self.constants[name] + text[end:]
            else:
                position = end
                continue
            position = match.start()
        return text

    def call(self, name, values):
        parameters, body = self.functions[name]
        given = dict(zip(parameters, values))
        body = NAME.sub(lambda word: given.get(word[0], word[0]), body)
        return re.sub(r"\s*##\s*", "", body)

    def text(self):
        return self.expand("\n".join(self.lines))


def closing(text, position):
    """Where the bracket at `position` ends."""
    depth = 0
    for i in range(position, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise SystemExit("build_cdef: a bracket that does not end")


def arguments(text):
    """Parted by commas outside of brackets and strings."""
    return [one.strip() for one in re.findall(r'(?:"(?:[^"\\]|\\.)*"|\([^()]*\)|[^,"()])+', text)] or [""]


def declarations(include):
    """All public headers as one text that cffi takes."""
    reader = Preprocessor(include)
    reader.read("fovea/fovea.h")
    text = reader.text()
    numbers = [f"#define {name} {body}" for name, body in reader.constants.items() if re.fullmatch(r"\d+", body)]
    return re.sub(r"\n\s*\n+", "\n", "\n".join(numbers) + "\n" + text)


def write(folder):
    """Writes FOLDER/_cdef.py and returns its path."""
    from cffi import FFI
    if INCLUDE is None:
        raise SystemExit("build_cdef: include/fovea is neither beside this folder nor in it")
    ffi = FFI()
    ffi.cdef(declarations(INCLUDE))
    ffi.set_source("_cdef", None)
    made = Path(ffi.compile(tmpdir=str(folder)))
    return made


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "fovea"
    print(write(folder))


if __name__ == "__main__":
    main()
