#!/usr/bin/env python3
"""Writes hw/iat_tables.h: 2^-f and log2(1 + f) for f = i / 1024 in fixed point."""
import math
import sys

N = 1024


def table(name, values, kind):
    rows = [", ".join(str(v) for v in values[i:i + 12]) for i in range(0, N, 12)]
    return "static const %s %s[%d] = {\n    %s};\n" % (kind, name, N, ",\n    ".join(rows))


out = "/* Made by tools/make_iat_tables.py. */\n#ifndef ADAFIRE_IAT_TABLES_H\n#define ADAFIRE_IAT_TABLES_H\n\n#include <stdint.h>\n\n"
out += "/* 2^-(i / 1024) in units of 2^-20. */\n"
out += table("iat_exp2", [round(2 ** (-i / N) * 2 ** 20) for i in range(N)], "int32_t")
out += "\n/* log2(1 + i / 1024) in units of 2^-12. */\n"
out += table("iat_log2", [round(math.log2(1 + i / N) * 2 ** 12) for i in range(N)], "int16_t")
out += "\n#endif\n"
open(sys.argv[1] if len(sys.argv) > 1 else "hw/iat_tables.h", "w").write(out)
