"""`fovea devices` and `fovea doctor` of machines that are trees of files, and what a server says of this one."""
import json
import os
import subprocess

import pytest
from conftest import BIN, environment

JETSON = {
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,tegra234\0",
    "proc/cpuinfo": "processor : 0\nFeatures : fp asimd asimddp\nCPU implementer : 0x41\nCPU part : 0xd42\n",
    "proc/meminfo": "MemTotal: 7800000 kB\n",
    "sys/devices/system/cpu/online": "0-5\n",
    "etc/nv_tegra_release": "# R36 (release), REVISION: 3.0, GCID: 36106755\n",
    "dev/nvhost-ctrl-gpu": "",
}
SMALL = {
    "proc/cpuinfo": "model name : Some processor\nflags : fpu hypervisor avx2\n",
    "proc/meminfo": "MemTotal: 64000000 kB\n",
    "sys/devices/system/cpu/online": "0-15\n",
    "proc/self/cgroup": "0::/docker/x\n",
    "sys/fs/cgroup/docker/cpu.max": "200000 100000\n",
    "sys/fs/cgroup/docker/x/memory.max": "536870912\n",
    "sys/bus/pci/devices/0000:00:02.0/vendor": "0x8086\n",
    "sys/bus/pci/devices/0000:00:02.0/device": "0x46d1\n",
    "sys/bus/pci/devices/0000:00:02.0/class": "0x030000\n",
    "sys/bus/pci/devices/0000:00:02.0/drm/renderD128/dev": "226:128\n",
}


def tree(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def fovea(*words, code=0, **more):
    done = subprocess.run([str(BIN), *map(str, words)], env=environment(**more), text=True, capture_output=True, timeout=60)
    assert done.returncode in (code if isinstance(code, tuple) else (code,)), done.stdout + done.stderr
    return done.stdout


def test_a_jetson_for_programs(tmp_path):
    info = json.loads(fovea("devices", "--json", "--root", tree(tmp_path, JETSON)))
    assert info["device_type"] == "jetson" and info["model"] == "orin"
    assert info["software"] == "JetPack 6, L4T 36.3.0" and info["cpu"] == "Cortex-A78AE"
    assert info["cores"] == 6 and info["memory_mb"] == 7617
    [gpu] = info["accelerators"]
    assert (gpu["kind"], gpu["vendor"], gpu["where"]) == ("gpu", "nvidia", "/dev/nvhost-ctrl-gpu")
    assert gpu["usable"] or (gpu["reason"] and gpu["mend"])
    assert (info["recommended_runtime"], info["recommended_format"]) == ("onnxruntime", "tensorrt")
    assert (info["recommended_precision"], info["recommended_input_size"]) == ("fp16", 640)
    assert "asimddp" in [f["name"] for f in info["features"] if f["usable"]]


def test_a_jetson_for_people(tmp_path):
    lines = fovea("devices", "--root", tree(tmp_path, JETSON)).splitlines()
    assert lines[0] == "machine        NVIDIA Jetson Orin Nano Developer Kit (JetPack 6, L4T 36.3.0)"
    assert "processor      Cortex-A78AE, 6 cores" in lines
    assert all(len(line) <= 100 for line in lines)


def test_limits_of_a_container_are_named(tmp_path):
    root = tree(tmp_path, SMALL)
    info = json.loads(fovea("devices", "--json", "--root", root))
    assert (info["cores"], info["cores_total"], info["memory_mb"]) == (2, 16, 512)
    assert info["recommended_threads"] == 2 and info["recommended_input_size"] == 320
    assert "512 MB" in info["why"]
    text = fovea("devices", "--root", root)
    assert "2 of 16 cores may be used" in text and "512 of 62500 MB may be used" in text


def test_doctor_names_what_is_unused_and_its_mend(tmp_path):
    report = json.loads(fovea("doctor", "--json", "--model", "fake:", "--root", tree(tmp_path, SMALL), code=(0, 1)))
    found = {item["subject"]: item for item in report}
    assert not found["gpu"]["ok"] and not found["gpu"]["essential"]
    assert "/dev/dri/renderD128" in found["gpu"]["text"] and "--device" in found["gpu"]["mend"]
    assert "2 of 16 cores" in found["machine"]["text"] and "advice" in found


def test_doctor_says_what_was_looked_for_and_where(tmp_path):
    report = json.loads(fovea("doctor", "--json", "--model", "fake:", code=1, FOVEA_RUNTIME_DIR=str(tmp_path)))
    found = {item["subject"]: item for item in report}
    assert found["openvino"]["essential"] and not found["openvino"]["ok"]
    assert "libopenvino_c.so" in found["openvino"]["looked_for"]
    assert str(tmp_path)[:100] in found["openvino"]["looked_for"]
    assert "FOVEA_RUNTIME_DIR" in found["openvino"]["mend"]
    text = fovea("doctor", "--model", "fake:", code=1, FOVEA_RUNTIME_DIR=str(tmp_path))
    assert "MISSING  openvino" in text and "looked for libopenvino_c.so" in text


@pytest.mark.parametrize("root", ["/nonexistent", "/dev/null", "x" * 5000, ""])
def test_roots_of_all_sorts(root):
    info = json.loads(fovea("devices", "--json", "--root", root))
    assert info["cores"] >= 1 and info["recommended_format"]


def test_the_server_says_the_same_as_the_command_line(server):
    answer = server.get("/api/v1/realtime/edge/device-info").json()
    printed = json.loads(fovea("devices", "--json"))
    for key in printed:
        if not key.startswith("selected"):
            assert answer[key] == printed[key], key
    assert set(answer["selected"]) == {"runtime", "device", "file", "file_reason"} and "precision" in answer
    assert answer["cores"] <= len(os.sched_getaffinity(0))
