#!/usr/bin/env python3
"""Writes hw/iat_tables.h: by how much 2^-f and log2(1 + f) differ from straight lines. An entry
stands for the middle of its interval, the first one for 0, so that certainty is exact."""
import math
import sys

N = 256


def table(name, curve, unit):
    values = [0] + [round(curve((i + 0.5) / N) * unit) for i in range(1, N)]
    rows = [", ".join(str(v) for v in values[i:i + 12]) for i in range(0, N, 12)]
    return "static const uint16_t %s[%d] = {\n    %s};\n" % (name, N, ",\n    ".join(rows))


out = "/* Made by tools/make_iat_tables.py. */\n#ifndef ADAFIRE_IAT_TABLES_H\n#define ADAFIRE_IAT_TABLES_H\n\n#include <stdint.h>\n\n"
out += "/* 1 - f / 2 - 2^-f for f from i / 256 on, in units of 2^-20. */\n"
out += table("iat_exp2", lambda f: 1 - f / 2 - 2 ** -f, 2 ** 20)
out += "\n/* log2(1 + f) - f for f from i / 256 on, in units of 2^-12. */\n"
out += table("iat_log2", lambda f: math.log2(1 + f) - f, 2 ** 12)
out += "\n#endif\n"
open(sys.argv[1] if len(sys.argv) > 1 else "hw/iat_tables.h", "w").write(out)
