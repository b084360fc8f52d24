#!/usr/bin/env python3
"""Writes fovea-COMMAND.1 out of `fovea COMMAND --help`, and fovea.1 with the list of commands: what a command says of
itself is said once.

    make_man.py names COMMANDS.H                     prints the commands
    make_man.py all FOVEA.1.IN COMMANDS.H VERSION    prints fovea.1
    make_man.py FOVEA COMMAND VERSION                prints the command's page
"""
import re
import subprocess
import sys
from pathlib import Path


def commands(header):
    """(name, what it is) of each."""
    return re.findall(r'^ +X\((\w+), +"(.*)"\)', Path(header).read_text(), re.M)


def overview(frame, header, version):
    listed = "\n".join(f".TP\n.B {name}\n{escape(told)}" for name, told in commands(header))
    pages = ",\n".join(f".BR fovea\\-{name} (1)" for name, _ in commands(header))
    return Path(frame).read_text().replace("@COMMANDS@", listed).replace("@PAGES@", pages).replace("@VERSION@", version)


def escape(text):
    """Text as troff reads it: hyphens that stay hyphens, no line that is taken for a request."""
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.M)


def options(block):
    """.TP entries of `  --name ARG   what it is`, continued lines joined."""
    for name, told in re.findall(r"^  (\S.*?)(?:  +|\n {6,})(\S.*(?:\n {6,}\S.*)*)", block, re.M):
        flag, _, argument = name.partition(" ")
        yield ".TP\n" + (f".BI {escape(flag)} \" {escape(argument)}\"" if argument else f".B {escape(flag)}")
        yield escape(" ".join(told.split()))


def paragraphs(text):
    """Prose as paragraphs; what is indented stays as it is."""
    for block in re.split(r"\n{2,}", text.strip("\n")):
        yield ".PP"
        example = block.startswith("  ")
        yield f".nf\n{escape(block)}\n.fi" if example else escape(block)


def page(told, command, version):
    parts = re.fullmatch(r"usage: fovea (.*?)\n\n(.*?)\n\noptions:\n(.*?)(?:\n\n(.*))?", told.rstrip("\n"), re.S)
    if not parts:
        sys.exit(f"make_man.py: `fovea {command} --help` has another form than usage, summary, options, details")
    synopsis, summary, listed, details = parts.groups()
    rest = synopsis.split(" ", 1)[1] if " " in synopsis else ""
    first = summary.split("\n")[0].rstrip(".")
    lines = [f'.TH FOVEA\\-{command.upper()} 1 "" "fovea {version}" "User Commands"', ".SH NAME",
             f"fovea\\-{command} \\- {escape(first[0].lower() + first[1:])}", ".SH SYNOPSIS",
             f".B fovea {command}", escape(" ".join(rest.split())), ".SH DESCRIPTION", *list(paragraphs(summary))[1:],
             ".SH OPTIONS", *options(listed)]
    if details:
        lines += [".SH NOTES", *list(paragraphs(details))[1:]]
    lines += [".SH EXIT STATUS", "0 success, 1 the job failed, 2 wrong usage, 3 a source or model cannot be opened.",
              ".SH SEE ALSO", ".BR fovea (1)"]
    return "\n".join(line for line in lines if line) + "\n"


def main():
    if sys.argv[1] == "names":
        print(*(name for name, _ in commands(sys.argv[2])), sep="\n")
        return
    if sys.argv[1] == "all":
        print(overview(*sys.argv[2:]), end="")
        return
    program, command, version = sys.argv[1:]
    told = subprocess.run([program, command, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    print(page(told, command, version), end="")


if __name__ == "__main__":
    main()
