#!/usr/bin/env python3
"""Fetches pinned files of a Python package index, whole or not at all.

    fetch.py check NAME      exit 0 when every member of package NAME lies in its place with the right sum
    fetch.py cached NAME     exit 0 when package NAME itself lies in DEPS/cache with the right sum
    fetch.py get NAME        fetches package NAME into DEPS/cache and prints its path
    fetch.py unpack NAME     fetches package NAME, puts its members in their places, throws the package away
    fetch.py size NAME       prints the megabytes that a download of NAME takes

What NAME means stands in deps.lock beside this file; DEPS is the environment's FOVEA_DEPS. An interrupted
download is kept as FILE.part and resumed; a file counts only after its sum was right (write, check, rename).
The index, its proxy and its certificate are those that pip is set up with. Needs nothing beyond Python itself.
Exit codes: 0 yes or done, 1 no or failed (one plain line on stderr says why).
"""
import configparser
import errno
import hashlib
import html
import os
import platform
import re
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

LOCK = Path(__file__).with_name("deps.lock")
DEPS = Path(os.environ.get("FOVEA_DEPS", ".deps"))
CACHE = DEPS / "cache"
CHUNK = 1 << 18
TRIES = 3
TIMEOUT_S = 60


class Failure(Exception):
    """A sentence for the user."""


def rows(kind):
    """The lines of the lock: packages (kind "package") or members (kind "member"), split into words."""
    lines = [line.split() for line in LOCK.read_text().splitlines() if line.strip() and line[0] != "#"]
    return [words for words in lines if (words[0] == "member") == (kind == "member")]


def package(name):
    """The locked file called `name` that fits this machine: (sha256, bytes, project, file)."""
    found = [row for row in rows("package") if row[0] == name]
    # One alone serves every Python: of it only libraries or data are taken.
    near = found if len(found) == 1 else [row for row in found if platform.machine() in row[4]]
    for _, sha256, size, project, file in near:
        if len(near) == 1 or fits(file):
            return sha256, int(size), project, file
    raise Failure(f"there is no {name} for Python {platform.python_version()} on {platform.machine()}; known are: "
                  f"{', '.join(row[4] for row in found) or 'none'}. Set PYTHON to one of these versions.")


def fits(file):
    """True for a wheel made for this Python."""
    return "-cp%d%d-" % sys.version_info[:2] in file


def members(name):
    """What is taken out of a package: (sha256, path inside, place)."""
    return [(sha256, inside, DEPS / place) for _, owner, sha256, inside, place in rows("member") if owner == name]


def pip_setting(key):
    """A setting as pip would read it: environment, then its files."""
    value = os.environ.get("PIP_" + key.upper().replace("-", "_"))
    if value:
        return value
    home = Path.home()
    files = [os.environ.get("PIP_CONFIG_FILE", ""), home / ".config/pip/pip.conf", home / ".pip/pip.conf",
             "/etc/pip.conf"]
    for path in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path or [])
        except configparser.Error:
            continue
        for section in ("download", "install", "global"):
            if parser.has_option(section, key):
                return parser.get(section, key)
    return None


def opener():
    handlers = [urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=pip_setting("cert")))]
    proxy = pip_setting("proxy")
    if proxy:
        handlers.append(urllib.request.ProxyHandler({"http": proxy, "https": proxy}))
    made = urllib.request.build_opener(*handlers)
    made.addheaders = [("User-Agent", "fovea-setup")]
    return made


def find_url(web, project, file):
    """Where the index keeps `file` of `project`."""
    index = (pip_setting("index-url") or "https://pypi.org/simple").rstrip("/")
    page_url = f"{index}/{project}/"
    with web.open(page_url, timeout=TIMEOUT_S) as reply:
        page, page_url = reply.read().decode("utf-8", "replace"), reply.geturl()
    for href in re.findall(r'href="([^"]+)"', page):
        url = urllib.parse.urljoin(page_url, html.unescape(href)).partition("#")[0]
        if urllib.parse.unquote(url.rsplit("/", 1)[-1]) == file:
            return url
    raise Failure(f"the package index has no {file}")


def download(web, url, part, size):
    """Appends to `part` what is still missing of the `size` bytes at `url`."""
    have = part.stat().st_size if part.exists() else 0
    if have > size:
        part.unlink()
        have = 0
    if have == size:
        return
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with web.open(request, timeout=TIMEOUT_S) as reply:
        resumed = have and reply.status == 206
        with open(part, "ab" if resumed else "wb") as out:
            while chunk := reply.read(CHUNK):
                out.write(chunk)
    if part.stat().st_size < size:
        raise ConnectionError("the connection closed early")


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(web, entry, folder):
    """The file of a lock entry, in `folder`; resumes, retries, and checks the sum."""
    sha256, size, project, file = entry
    done, part = folder / file, folder / (file + ".part")
    if whole(done, sha256):
        return done
    for attempt in range(TRIES):
        time.sleep(attempt)
        try:
            download(web, find_url(web, project, file), part, size)
        except urllib.error.HTTPError as error:
            part.unlink(missing_ok=True)
            reason = f"the server answered {error.code} {error.reason}"
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
                raise
            reason = str(getattr(error, "reason", error))
        else:
            if sha256_of(part) == sha256:
                part.replace(done)
                return done
            part.unlink()
            reason = "what arrived does not have the sum in scripts/deps.lock"
    raise Failure(f"could not fetch {file}: {reason}; run the same command again to go on")


def unpack(archive, name):
    """Puts each member in its place, by write, check and rename."""
    with zipfile.ZipFile(archive) as package_file:
        for sha256, inside, place in members(name):
            place.parent.mkdir(parents=True, exist_ok=True)
            part = place.with_name(place.name + ".part")
            with package_file.open(inside) as source, open(part, "wb") as target:
                shutil.copyfileobj(source, target, CHUNK)
            if sha256_of(part) != sha256:
                raise Failure(f"{inside} in {archive.name} does not have the sum in scripts/deps.lock")
            part.replace(place)
    archive.unlink()


def whole(path, sha256):
    return path.is_file() and sha256_of(path) == sha256


def run(command, name):
    """The exit code of one command."""
    if command == "check":
        return 0 if all(whole(place, sha256) for sha256, _, place in members(name)) else 1
    entry = package(name)
    if command == "size":
        print(max(1, entry[1] // 1000000))
    elif command == "cached":
        return 0 if whole(CACHE / entry[3], entry[0]) else 1
    else:
        CACHE.mkdir(parents=True, exist_ok=True)
        archive = fetch(opener(), entry, CACHE)
        unpack(archive, name) if command == "unpack" else print(archive)
    return 0


def main():
    try:
        sys.exit(run(sys.argv[1], sys.argv[2]))
    except Failure as failure:
        sys.exit(f"setup: {failure}")
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        sys.exit(f"setup: cannot write in {DEPS}: {error.strerror}"
                 + ("; free some space there (all of it needs about 1.5 GB), then run it again" if full else ""))


if __name__ == "__main__":
    main()
