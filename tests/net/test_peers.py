"""The codec and peers that others wrote: random messages, in parts and compressed. Python's `websockets` is in
test_websocket.py; here are node's `ws` and a client in Rust (soketto)."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DEPS = Path(os.environ.get("FOVEA_DEPS", HERE.parents[1] / ".deps"))
MESSAGES = 200


def node():
    if not shutil.which("node"):
        pytest.skip("node is not here: apt-get install nodejs")
    modules = DEPS / "servers/usr/share/nodejs"
    if not (modules / "ws").exists():
        pytest.skip("the package node-ws is not unpacked: scripts/setup check")
    return ["node", str(HERE / "node_peer.js")], {**os.environ, "NODE_PATH": str(modules)}


def rust():
    program = DEPS / "rust_peer/release/rust_peer"
    if not program.exists():
        pytest.skip("no cargo was here that compiles tests/net/rust_peer: scripts/setup check")
    return [str(program)], dict(os.environ)


@pytest.mark.parametrize("path", ["/ws/echo", "/ws/work"])
@pytest.mark.parametrize("peer, mode", [(node, "whole"), (node, "deflate"), (rust, "whole"), (rust, "deflate"), (rust, "parts")])
@pytest.mark.parametrize("seed", [1, 77])
def test_random_messages(server, peer, mode, path, seed):
    words, env = peer()
    path += "?deflate=1" if mode == "deflate" else ""
    done = subprocess.run([*words, str(server.port), path, mode, str(MESSAGES), str(seed)], env=env, text=True,
                          capture_output=True, timeout=100)
    assert done.returncode == 0, done.stderr
    stats = server.wait_stats(sockets=0, closed=1, last_close_code=1000, buffered=0)
    if path.startswith("/ws/echo"):
        assert stats["messages"] == MESSAGES
        saved = stats["wire_bytes"] < 0.9 * stats["payload_bytes"]
        assert saved == (mode == "deflate"), f"compressed: {saved}, {stats}"
