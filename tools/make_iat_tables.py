#!/usr/bin/env python3
"""Writes hw/iat_tables.h: 2^-f and log2(1 + f) for f = i / 256 in fixed point."""
import math
import sys

N = 256


def table(name, values):
    rows = [", ".join(str(v) for v in values[i:i + 12]) for i in range(0, N, 12)]
    return "static const uint16_t %s[%d] = {\n    %s};\n" % (name, N, ",\n    ".join(rows))


out = "/* Made by tools/make_iat_tables.py. */\n#ifndef ADAFIRE_IAT_TABLES_H\n#define ADAFIRE_IAT_TABLES_H\n\n#include <stdint.h>\n\n"
out += "/* 2^-(i / 256) in units of 2^-16, 1 rounded down to what 16 bits hold. */\n"
out += table("iat_exp2", [min(round(2 ** (-i / N) * 2 ** 16), 65535) for i in range(N)])
out += "\n/* log2(1 + i / 256) in units of 2^-12. */\n"
out += table("iat_log2", [round(math.log2(1 + i / N) * 2 ** 12) for i in range(N)])
out += "\n#endif\n"
open(sys.argv[1] if len(sys.argv) > 1 else "hw/iat_tables.h", "w").write(out)
