#!/usr/bin/env python3
"""Events per second of every reader of recordings, and its memory, beside what the Python registry has.

    tools/bench_recordings.py BUILD_DIRECTORY EVENT_FILES [MEGABYTES]

Makes long files of the short ones in EVENT_FILES (their events again and again, so that time runs backwards in them) and
reads each with adafire-info, all of the program counted; where the packages expelliarmus, faery or aedat are installed, with
these, files warm for all. Times are of the processor, so that others on the machine matter little; the best of three or four."""

import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np


def text_header(b, mark):
    at = 0
    while b[at : at + 1] == mark:
        end = b.index(b"\n", at) + 1
        last = b[at:end].strip() in (b"% end", b"#!END-HEADER")
        at = end
        if last:
            break
    return at


def again(head, body, size):
    return head + body * max(1, size // len(body))


def make_aedat4(b, size):
    """Packets again and again, and no table behind them."""
    at = b.index(b"\n") + 1
    (n,) = struct.unpack_from("<I", b, at)
    head = bytearray(b[: at + 4 + n])
    root = at + 4 + struct.unpack_from("<I", b, at + 4)[0]
    table = root - struct.unpack_from("<i", b, root)[0]
    field = struct.unpack_from("<H", b, table + 6)[0]
    (end,) = struct.unpack_from("<q", b, root + field)
    struct.pack_into("<q", head, root + field, -1)
    return again(bytes(head), b[at + 4 + n : end], size)


def make(name, b, size):
    if name.endswith(".aedat4"):
        return make_aedat4(b, size)
    if name.endswith(".es"):
        return again(b[:20], b[20:], size)
    if name.endswith(".bin"):
        return again(b"", b, size)
    if name.endswith(".dat"):
        at = text_header(b, b"%") + 2
        return again(b[:at], b[at:], size)
    at = text_header(b, b"#" if name.endswith(".aedat") else b"%")
    return again(b[:at], b[at:], size)


def tables(files, folder, size):
    """The events of the EVT2 sample in tables."""
    events = np.load(os.path.join(files, "expected", "evt2_sample.raw.npy"))
    records = np.tile(events, max(1, size // events.nbytes))
    rows = np.stack([records[k].astype(np.int32) for k in "xypt"], 1)
    np.save(os.path.join(folder, "fields.npy"), records)
    np.save(os.path.join(folder, "rows.npy"), rows)
    with open(os.path.join(folder, "events.txt"), "w") as f:
        text = "".join("%.6f %d %d %d\n" % (t * 1e-6, x, y, p) for t, x, y, p in events.tolist())
        f.write(text * max(1, size // 4 // len(text)))
    names = ["fields.npy", "rows.npy", "events.txt"]
    try:
        import h5py
    except ImportError:
        return names
    with h5py.File(os.path.join(folder, "columns.h5"), "w") as f:
        for k in "xypt":
            f.create_dataset("events/" + k, data=records[k], chunks=(1 << 16,), compression="gzip", compression_opts=1)
    return names + ["columns.h5"]


def most_memory(pid):
    """Kilobytes so far; 0 if it has ended."""
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1))
    except (OSError, AttributeError):
        return 0


def ours(binary, path):
    best, kilobytes = 1e9, 0
    for turn in range(4):
        child = subprocess.Popen([binary, path, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        while turn == 3:  # not while the time counts
            try:
                if os.readlink("/proc/%d/exe" % child.pid) == os.path.realpath(binary):
                    kilobytes = max(kilobytes, most_memory(child.pid))
            except OSError:
                break
            time.sleep(0.001)
        out = child.stdout.read()
        child.stdout.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        best = min(best, usage.ru_utime + usage.ru_stime)
        if status:
            sys.exit("%s cannot be read" % path)
    count = int(re.search(r'"events": (\d+)', out).group(1))
    return re.search(r'"format": "([^"]+)"', out).group(1), count, count / best, kilobytes


def best_of(read):
    best, count = 1e9, 0
    for _ in range(3):
        begin = time.process_time()
        count = read()
        best = min(best, time.process_time() - begin)
    return count / best


def expelliarmus(path, kind, whole):
    from expelliarmus import Wizard

    def read():
        if whole:
            return len(Wizard(encoding=kind).read(path))
        wizard = Wizard(encoding=kind, chunk_size=1 << 16)
        wizard.set_file(path)
        return sum(len(c) for c in wizard.read_chunk())

    return best_of(read)


def aedat(path):
    import aedat

    return best_of(lambda: sum(len(p["events"]) for p in aedat.Decoder(path) if "events" in p))


def faery(path):
    import faery

    return best_of(lambda: sum(len(p) for p in faery.events_stream_from_file(path)))


def peers(name, path):
    kind = "evt3" if "evt3" in name else "evt2" if name.endswith(".raw") else "dat" if name.endswith(".dat") else None
    asked = []
    if kind:
        asked += [("expelliarmus, in pieces", lambda: expelliarmus(path, kind, False)), ("expelliarmus, whole", lambda: expelliarmus(path, kind, True))]
    if name.endswith(".aedat4"):
        asked.append(("aedat", lambda: aedat(path)))
    if name.endswith((".es", ".aedat4", ".raw", ".dat")):
        asked.append(("faery", lambda: faery(path)))
    said = []
    for peer, read in asked:
        try:
            said.append("%s %.0f" % (peer, read() / 1e6))
        except ImportError:
            pass
        except Exception as e:  # of the peer's own
            said.append("%s: %s" % (peer, type(e).__name__))
    return ", ".join(said)


def main():
    build, files = sys.argv[1:3]
    size = int(sys.argv[3] if len(sys.argv) > 3 else 200) << 20
    names = ["evt3_sample.raw", "evt2_sample.raw", "sample_ncars.dat", "sample.aedat4", "dvs128_neal_walking.aedat",
             "pyaedat_IMU_translBoxes.aedat", "made_aedat31_dvs128.aedat", "faery_dvs.es", "sample_nmnist.bin"]
    print("| file | format | M events | M events/s | memory, MB | others, M events/s |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in names + tables(files, folder, size):
            path = os.path.join(folder, name)
            if not os.path.exists(path):
                with open(os.path.join(files, name), "rb") as f:
                    data = make(name, f.read(), size)
                with open(path, "wb") as f:
                    f.write(data)
            form, count, rate, kilobytes = ours(os.path.join(build, "adafire-info"), path)
            print("| %s | %s | %.0f | %.0f | %.0f | %s |" % (name, form, count / 1e6, rate / 1e6, kilobytes / 1024, peers(name, path)), flush=True)
            os.remove(path)


if __name__ == "__main__":
    main()
