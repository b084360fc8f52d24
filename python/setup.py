"""What setuptools does not know: the bindings are made of the headers, and a wheel has the library inside.

The library is $FOVEA_LIBRARY, else the one that `make build` left in ../build. Beside it lie its module for FFmpeg and the
small libraries that it needs (cJSON, libjpeg-turbo, libyaml, zlib), with their licences, so that the wheel works where
they are not; FFmpeg and the runtimes stay the machine's own and are found when they are used.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import build_cdef  # noqa: E402

OWN = HERE / "fovea/lib"  # of a source package
SONAME = "libfovea.so.0.1"
MODULE = "libfovea-ffmpeg.so"
BUNDLED = re.compile(r"lib(cjson|jpeg|yaml|z)\b.*\.so")
MACHINES = {0x3E: "x86_64", 0xB7: "aarch64"}  # e_machine of ELF


def library():
    """The libfovea that goes into the wheel."""
    named = os.environ.get("FOVEA_LIBRARY")
    places = [Path(named)] if named else [OWN / SONAME, HERE.parent / "build/libfovea.so"]
    for place in places:
        if place.is_file():
            return place.resolve()
    raise SystemExit(f"fovea: no library at {' or '.join(map(str, places))}: run `make build` in the tree first, or name it "
                     "with FOVEA_LIBRARY")


def machine(path):
    with open(path, "rb") as file:
        number = struct.unpack_from("<H", file.read(20), 18)[0]
    return MACHINES.get(number) or sys.exit(f"fovea: {path} is for no machine that wheels are made for")


def needed(path):
    """The small libraries that it is linked to: those beside it, else this system's."""
    if machine(path) != os.uname().machine:  # made by a cross compiler: nothing here can resolve its names
        return [one for one in path.parent.iterdir() if BUNDLED.fullmatch(one.name)]
    listed = subprocess.run(["ldd", str(path)], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.findall(r"(\S+) => (/\S+)", listed)
    return [Path(place).with_name(name) for name, place in found if BUNDLED.match(name)]


def licences(files):
    """Debian keeps what a package is under beside its documentation."""
    for file in files:
        owner = subprocess.run(["dpkg-query", "-S", f"*/{file.resolve().name}"], stdout=subprocess.PIPE, text=True,
                               stderr=subprocess.DEVNULL, check=False).stdout if shutil.which("dpkg-query") else ""
        about = Path("/usr/share/doc") / owner.split(":")[0] / "copyright"
        if owner and about.is_file():
            yield f"licence-{owner.split(':')[0]}.txt", about


def put_library(folder):
    """FOLDER gets all that a wheel has of C."""
    source = library()
    module = next((place for place in (source.parent / MODULE, source.parent / "src/media" / MODULE,
                                       source.parent / "fovea" / MODULE) if place.is_file()), None)
    shutil.rmtree(folder, ignore_errors=True) if folder != OWN else None
    folder.mkdir(parents=True, exist_ok=True)
    small = needed(source)
    files = {SONAME: source, **({MODULE: module} if module else {}), **{one.name: one for one in small},
             **dict(licences(small))}
    if source.parent == OWN:  # a source package has them all
        files = {one.name: one for one in OWN.iterdir()}
    for name, file in files.items():
        if file != folder / name:
            shutil.copyfile(file, folder / name)
    deps = HERE.parent / ".deps"
    if deps.is_dir() and HERE.parent / "build" in source.parents:  # what set-up fetched stays in use
        (folder / "deps").write_text(f"{deps.resolve()}\n", encoding="utf-8")


class BuildPy(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:
            made = Path(self.build_lib) / "fovea"
            made.mkdir(parents=True, exist_ok=True)
            build_cdef.write(made)
            put_library(made / "lib")
        else:
            build_cdef.write(HERE / "fovea")
            put_library(OWN)


class Sdist(sdist):
    """Carries the headers, and the library of this machine: `python -m build` makes its wheel of it."""

    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        base = Path(base_dir)
        shutil.copytree(build_cdef.INCLUDE, base / "include", dirs_exist_ok=True)
        for name in ("build_cdef.py", "setup.py"):
            shutil.copyfile(HERE / name, base / name)
        put_library(base / "fovea/lib")


class BdistWheel(bdist_wheel):
    """For any Python 3, and one machine."""

    def get_tag(self):
        return "py3", "none", f"linux_{machine(library())}"


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


setup(distclass=WithLibrary, cmdclass={"build_py": BuildPy, "sdist": Sdist, "bdist_wheel": BdistWheel})
