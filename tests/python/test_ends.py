"""How processes end: with streams that run, after a fork, without a library, and what an import costs."""
import multiprocessing
import os

import fovea
import pytest
from conftest import run_python


@pytest.mark.parametrize("rest", ["", "sys.exit(0)", "raise SystemExit(0)"])
def test_the_interpreter_ends_with_streams_that_run(rest):
    status, told = run_python(f"""if True:
        import sys, fovea, numpy
        frame = numpy.zeros((64, 64, 3), numpy.uint8)
        model = fovea.Model("fake:sleep_ms=5")
        streams = [fovea.Stream("fake:sleep_ms=20", on_result=lambda result: None) for _ in range(3)]
        streams += [fovea.Stream(lambda frame: None), fovea.Stream(model, tracker="botsort", on_stats=lambda stats: None, stats_interval_s=0.1)]
        for stream in streams:
            stream.start("pattern:width=64,height=64") if stream is streams[0] else [stream.put(frame) for _ in range(20)]
        print("end")
        {rest}
        """)
    assert (status, told) == (0, "end\n")


def test_it_ends_while_a_function_hangs():
    status, told = run_python("""if True:
        import time, fovea, numpy
        stream = fovea.Stream(lambda frame: time.sleep(60), max_latency_ms=100)
        stream.put(numpy.zeros((64, 64, 3), numpy.uint8))
        time.sleep(0.05)
        print("end")
        """, timeout=30)
    assert (status, told) == (0, "end\n")


def test_it_ends_while_threads_wait_for_results():
    status, told = run_python("""if True:
        import threading, time, fovea
        stream = fovea.Stream("fake:")
        def wait():
            try:
                stream.get()
            except fovea.Closed:
                print("closed", flush=True)
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.1)
        """)
    assert status == 0 and told.strip() in ("closed", "")  # it may end while that is written


def test_an_exception_ends_it_as_usual():
    status, told = run_python("""if True:
        import fovea
        stream = fovea.Stream("fake:")
        raise ValueError("mine")
        """)
    assert status == 1 and told.rstrip().endswith("ValueError: mine")


FORKED = """if True:
    import os, fovea, numpy
    frame = numpy.zeros((64, 64, 3), numpy.uint8)
    model, stream = fovea.Model("fake:"), fovea.Stream("fake:")
    stream.put(frame)
    child = os.fork()
    if not child:
        for use in (lambda: model.predict(frame), lambda: stream.get(0), lambda: fovea.Model("fake:"), fovea.version,
                    lambda: fovea.Tracker()):
            try:
                use()
                print("it went on")
            except RuntimeError as error:
                assert "forked" in str(error), error
        model.close(); stream.close()
        print("child", flush=True)
        raise SystemExit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert stream.get(10).delivered and len(model.predict(frame)) == 1
    print("parent")
    """


def test_a_child_of_a_fork_is_told():
    # CPython 3.12 and newer warn of every fork beside threads
    assert run_python(FORKED, PYTHONWARNINGS="ignore::DeprecationWarning") == (0, "child\nparent\n")


def test_a_fork_before_the_first_use_is_none():
    status, told = run_python("""if True:
        import os, fovea
        child = os.fork()
        os.write(1, (fovea.Model("fake:").id + "\\n").encode())
        if child:
            os.waitpid(child, 0)
        """)
    assert (status, told) == (0, "fake\nfake\n")


def _in_a_process(number):
    return number, len(fovea.Model("fake:boxes=3").predict(b"".join(open(os.environ["FOVEA_A_PICTURE"], "rb"))))


def test_processes_that_are_spawned(photo, monkeypatch):
    monkeypatch.setenv("FOVEA_A_PICTURE", str(photo[1]))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_in_a_process, range(3)) == [(0, 3), (1, 3), (2, 3)]


def test_a_machine_without_the_library():
    status, told = run_python("""if True:
        import fovea
        try:
            fovea.Model("fake:")
        except ImportError as error:
            print(error)
        """, FOVEA_LIBRARY="/no/such/libfovea.so")
    assert status == 0 and "/no/such/libfovea.so" in told and "make build" in told


def test_an_import_loads_no_library():
    """It costs what numpy costs, and a little."""
    status, told = run_python("""if True:
        import fovea
        print("libfovea" in open("/proc/self/maps").read())
        fovea.version()
        print("libfovea" in open("/proc/self/maps").read())
        """)
    assert (status, told) == (0, "False\nTrue\n")
