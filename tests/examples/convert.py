"""What convert.c does, by ctypes:

    python3 convert.py model.onnx calib_images.npy 0.0625 test_images.npy test_labels.npy [BOARD]

Structures are read off adafire.h with the C compiler, so that nothing is written twice."""

import ctypes
import re
import subprocess
import sys

FIELDS = {"af_convert_options": ["onnx", "calib", "calib_count", "scale"], "af_answer": ["label"]}


def layout():
    """Sizes, and offsets plus one, of the installed header's structures."""
    flags = subprocess.run(["pkg-config", "--cflags", "adafire-convert"], capture_output=True, text=True, check=True)
    lines = ["#include <adafire.h>"]
    for name in ("af_convert_options", "af_samples_options", "af_sample", "af_result", "af_answer"):
        lines.append("size_t size_%s = sizeof(struct %s);" % (name, name))
        lines += ["size_t at_%s_%s = 1 + offsetof(struct %s, %s);" % (name, f, name, f) for f in FIELDS.get(name, [])]
    text = subprocess.run(["cc", "-S", "-xc", "-", "-o-"] + flags.stdout.split(), input="\n".join(lines),
                          capture_output=True, text=True, check=True).stdout
    return {m[0]: int(m[1]) for m in re.findall(r"^(\w+):\s+\.(?:quad|xword)\s+(\d+)", text, re.M)}


def main(onnx, calib, scale, test, truth, board="cpu"):
    af = ctypes.CDLL("libadafire-convert.so")
    af.af_error.restype = ctypes.c_char_p
    at = layout()
    make = lambda name: ctypes.create_string_buffer(at["size_" + name])

    def put(to, name, field, value):
        ctypes.memmove(ctypes.addressof(to) + at["at_%s_%s" % (name, field)] - 1, ctypes.byref(value), ctypes.sizeof(value))

    def check(status):
        if status < 0:
            sys.exit(af.af_error().decode())
        return status

    o, form, sample, result, best = map(make, ("af_convert_options", "af_samples_options", "af_sample",
                                               "af_result", "af_answer"))
    network = onnx.encode()  # must outlive the call
    calibs, tests = (ctypes.c_char_p * 1)(calib.encode()), (ctypes.c_char_p * 1)(test.encode())
    model, samples, labels, device, task = (ctypes.c_void_p() for _ in range(5))
    labelled, count, right = ctypes.c_int64(), 0, 0
    af.af_convert_defaults(o)
    for field, value in (("onnx", ctypes.c_char_p(network)), ("calib", ctypes.cast(calibs, ctypes.c_void_p)),
                         ("calib_count", ctypes.c_int(1)), ("scale", ctypes.c_double(float(scale)))):
        put(o, "af_convert_options", field, value)
    check(af.af_convert(o, ctypes.byref(model), None))
    check(af.af_samples_of(model, form))
    check(af.af_samples_open(tests, 1, form, ctypes.byref(samples)))
    check(af.af_labels_read(truth.encode(), ctypes.byref(labels), ctypes.byref(labelled)))
    check(af.af_device_open(board.encode(), None, model, ctypes.byref(device)))
    check(af.af_task_open(model, None, ctypes.byref(task)))
    known = ctypes.cast(labels, ctypes.POINTER(ctypes.c_int64))
    while count < labelled.value and check(af.af_samples_next(samples, sample, None)):
        check(af.af_run(device, sample, ctypes.c_int64(1), None, result))
        check(af.af_answers(task, result, 1, best))
        label = ctypes.c_int.from_buffer(best, at["at_af_answer_label"] - 1).value
        right, count = right + (label == known[count]), count + 1
        af.af_result_free(result)
    print("%.2f %% of %d" % (100 * right / count, count))
    af.af_free(labels)
    for close, what in ((af.af_task_close, task), (af.af_samples_close, samples), (af.af_device_close, device),
                        (af.af_model_free, model)):
        close(what)


main(*sys.argv[1:])
