"""Says twice a second how many times longer than its processor time a program of the workers' priority takes on this machine."""
import os
import time

os.nice(5)
while True:
    wall, cpu = time.monotonic(), time.thread_time()
    while time.thread_time() - cpu < 0.03:
        pass
    print(f"{(time.monotonic() - wall) / 0.03:.2f}", flush=True)
    time.sleep(0.5)
