#!/usr/bin/env python3
"""Checks calls that are banned, and the length of files and functions.

    check_style.py banned|size [ROOT]      prints one line for each offence; exit 1 when there is one

banned  the library (src/) never ends the process and never writes past a buffer
size    no file over 600 lines, no function over 80; exceptions stand with their reason in scripts/size-allow.txt
        (lines `path reason` or `path:function reason`)
"""
import ast
import re
import sys
from pathlib import Path

FILE_LINES, FUNCTION_LINES = 600, 80
BANNED_CALLS = "exit _exit abort sprintf vsprintf strcpy strcat atoi atol atof rand srand strtok alloca"
BANNED = re.compile(r"(?<![\w.>])(" + BANNED_CALLS.replace(" ", "|") + r")\s*\(")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(match):
    return re.sub(r"[^\n]", " ", match.group())


def banned(root):
    for path in sorted((root / "src").rglob("*.[ch]")):
        code = COMMENT_OR_TEXT.sub(blank, path.read_text(errors="replace"))
        for match in BANNED.finditer(code):
            yield path, code.count("\n", 0, match.start()) + 1, f"{match.group(1)}() is banned in the library"


def c_functions(text):
    """(name, lines) of each function: from a header at the left margin that ends in `) {` to the next `}` there."""
    name, start, header = None, 0, ""
    for number, line in enumerate(COMMENT_OR_TEXT.sub(blank, text).splitlines(), 1):
        if name is not None:
            if line.startswith("}"):
                yield name, number - start + 1
                name, header = None, ""
            continue
        if line[:1] not in ("", " ", "\t", "{"):
            header, start = "" if line.startswith("#") else line, number
        elif header:
            header += " " + line.strip()
        if re.search(r"\)\s*\{$", header.rstrip()):
            name = re.search(r"(\w+)\s*\(", header).group(1)


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.end_lineno - node.lineno + 1


def functions(path, text):
    if path.suffix in (".c", ".h"):
        return c_functions(text)
    if path.suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
        return python_functions(text)
    return ()


def size(root):
    allowed = {line.split()[0] for line in (root / "scripts/size-allow.txt").read_text().splitlines()
               if line.strip() and not line.startswith("#")}
    folders = ("src", "apps", "include", "web", "tests", "scripts", "examples", "python")
    for path in sorted(p for folder in folders for p in (root / folder).rglob("*") if p.is_file()):
        if path.suffix not in (".c", ".h", ".js", ".mjs", ".css", ".html", ".py", "") or "__pycache__" in path.parts:
            continue
        text, name = path.read_text(errors="replace"), str(path.relative_to(root))
        lines = text.count("\n")
        if lines > FILE_LINES and name not in allowed:
            yield path, lines, f"the file has {lines} lines, more than {FILE_LINES}"
        for function, length in functions(path, text):
            if length > FUNCTION_LINES and f"{name}:{function}" not in allowed:
                yield path, 0, f"{function}() has {length} lines, more than {FUNCTION_LINES}"


def main():
    root = Path(sys.argv[2] if len(sys.argv) > 2 else Path(__file__).resolve().parents[1])
    found = [f"{path.relative_to(root)}:{line}: {reason}" for path, line, reason in
             {"banned": banned, "size": size}[sys.argv[1]](root)]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
