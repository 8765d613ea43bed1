#!/usr/bin/env python3
"""An hour of 10 M events a second: does the live path keep up, and does its memory stay as it is?

    tools/soak_live.py BUILD_DIRECTORY DATA_DIRECTORY [SECONDS [CLIENTS [EVENTS_A_SECOND]]]

Sends EVT3 of a sensor of 640x480 through TCP in its own time for SECONDS (3600): the events of about a second again and again,
under a clock that goes on, and runs over as EVT3's does every 16.8 s. `adafire-host --live` runs DATA's gesture network (128x128)
on windows of 50 ms, with CLIENTS (10) of its page. Every ten seconds a line: what the sender sent, the program's memory, the CPU
time it took. The last line says what was dropped, late or lost; the status is 1 if anything was, or if memory grew by more than a
tenth after the first minute."""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy as np
from bench_live import make_evt3

TURN = 1 << 20  # us: so many fill 256 of EVT3's 4,096 high times


class Sender(threading.Thread):
    """One connection, served with what is due."""

    def __init__(self, path, seconds):
        super().__init__(daemon=True)
        data = open(path, "rb").read()
        self.words = np.frombuffer(data[data.index(b"% end\n") + 6 :], "<u2").copy()
        self.header = data[: data.index(b"% end\n") + 6]
        self.high = np.flatnonzero(self.words >> 12 == 8)
        self.first = self.words[self.high] & 0xFFF
        self.seconds, self.turns, self.most_behind = seconds, 0, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "tcp://127.0.0.1:%d" % self.listener.getsockname()[1]

    def run(self):
        connection, _ = self.listener.accept()
        connection.sendall(self.header)
        bytes_of, turn_time = memoryview(self.words).cast("B"), TURN / 1e6
        begin, step = time.monotonic(), len(self.words) // 1000 * 2
        try:
            while self.turns * turn_time < self.seconds:
                self.words[self.high] = 0x8000 | (self.first + 256 * (self.turns % 16)) & 0xFFF
                for at in range(0, len(bytes_of), step):
                    due = begin + (self.turns + at / len(bytes_of)) * turn_time
                    behind = time.monotonic() - due
                    if behind < 0:
                        time.sleep(-behind)
                    else:
                        self.most_behind = max(self.most_behind, behind)
                    connection.sendall(bytes_of[at : at + step])
                self.turns += 1
        except OSError as e:
            print("the sender was left:", e, flush=True)
        connection.close()


def look_on(port, counts, i):
    """A client of the page, for as long as there is one."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as s:
            s.sendall(b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            while data := s.recv(1 << 16):
                counts[i] += len(data)
    except OSError:
        pass


def memory_of(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) / 1024


def cpu_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main():
    build, data = sys.argv[1:3]
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 3600
    clients = int(sys.argv[4]) if len(sys.argv) > 4 else 10
    rate = float(sys.argv[5]) if len(sys.argv) > 5 else 10e6
    gestures = os.path.join(data, "dvs_gesture")
    with tempfile.TemporaryDirectory() as folder:
        model, stream = os.path.join(folder, "gestures.snn"), os.path.join(folder, "stream.raw")
        subprocess.run([os.path.join(build, "adafire-convert"), gestures + "/model.onnx", "--events", "--counting",
                        "sensor 640x480 fit window 50", "--calib", gestures + "/calib_images.npy", "-t", "4", "-q",
                        "-o", model], check=True)
        events = make_evt3(stream, rate, TURN / 1e6)
        sender = Sender(stream, seconds)
        sender.start()
        host = subprocess.Popen([os.path.join(build, "adafire-host"), model, "-q", "--json", "--live", sender.address,
                                 "--limit", str(int(seconds * 20) - 2), "--view", "0"],
                                stdout=open(os.path.join(folder, "decisions"), "w"), stderr=subprocess.PIPE, text=True)
        port, counts = None, [0] * clients
        while port is None:
            port = re.search(r"http://127\.0\.0\.1:(\d+)/", host.stderr.readline())
        threading.Thread(target=host.stderr.read, daemon=True).start()
        for i in range(clients):
            threading.Thread(target=look_on, args=(int(port[1]), counts, i), daemon=True).start()
        begin, memory, cpu = time.monotonic(), [], 0.0
        print("s, M events sent, resident MB, CPU s, load, most that the sender was behind in ms", flush=True)
        while host.poll() is None:
            try:
                host.wait(10)
            except subprocess.TimeoutExpired:
                memory.append(memory_of(host.pid))
                cpu = cpu_of(host.pid)
                print("%.0f, %.0f, %.1f, %.1f, %.2f, %.0f" % (time.monotonic() - begin, sender.turns * events / 1e6, memory[-1],
                      cpu, os.getloadavg()[0], 1e3 * sender.most_behind), flush=True)
        took = time.monotonic() - begin
        with open(os.path.join(folder, "decisions")) as f:
            summary = json.loads(f.readlines()[-1])["summary"]
        after = memory[min(5, len(memory) - 1)] if memory else 0
        lost = {k: summary[k] for k in ("dropped_windows", "dropped_events", "refused_windows", "late_events", "over_events",
                                        "clocks_set_back", "stream_lost")}
        print(json.dumps({"seconds": round(took), "memory_after_a_minute": after, "memory_most": max(memory, default=0),
                          "memory_last": memory[-1] if memory else 0, "cpu_share": round(cpu / took, 3),
                          "client_megabytes": [round(c / 1e6, 1) for c in counts], "lost": lost, "summary": summary}))
        return int(any(lost.values()) or host.returncode != 0 or max(memory[5:], default=0) > 1.1 * after)


if __name__ == "__main__":
    sys.exit(main())
