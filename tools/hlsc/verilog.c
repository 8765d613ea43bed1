#include "verilog.h"

#include <ctype.h>
#include <string.h>

static const char *const keywords[] = {
    "always",    "and",          "assign",     "automatic",   "begin",       "buf",
    "case",      "casex",        "casez",      "cell",        "cmos",        "config",
    "deassign",  "default",      "defparam",   "design",      "disable",     "edge",
    "else",      "end",          "endcase",    "endconfig",   "endfunction", "endgenerate",
    "endmodule", "endprimitive", "endspecify", "endtable",    "endtask",     "event",
    "for",       "force",        "forever",    "fork",        "function",    "generate",
    "genvar",    "if",           "ifnone",     "incdir",      "include",     "initial",
    "inout",     "input",        "instance",   "integer",     "join",        "large",
    "liblist",   "library",      "localparam", "macromodule", "medium",      "module",
    "nand",      "negedge",      "nmos",       "nor",         "not",         "notif0",
    "notif1",    "or",           "output",     "parameter",   "pmos",        "posedge",
    "primitive", "pull0",        "pull1",      "real",        "realtime",    "reg",
    "release",   "repeat",       "scalared",   "signed",      "small",       "specify",
    "strong0",   "strong1",      "supply0",    "supply1",     "table",       "task",
    "time",      "tran",         "tri",        "tri0",        "tri1",        "unsigned",
    "use",       "vectored",     "wait",       "wand",        "weak0",       "weak1",
    "while",     "wire",         "wor",        "xnor",        "xor",         "logic",
    "bit",       "byte",         "int",        "do",          "class",       "new",
    "null",      "this",         "unique",     "priority",    "static",      "final",
    "clk",       "rst",          "state",      "ap_start",    "ap_done",     "ap_idle",
    "ap_return"};

const char *port_name(const char *name, struct place where)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (!strcmp(name, keywords[i]))
            fail(where, "the parameter `%s` is a word of Verilog or of hlsc; rename it", name);
    return name;
}

char *identifier(const char *name)
{
    char *s = text("%s", name);
    for (char *c = s; *c; c++)
        if (!isalnum((unsigned char)*c))
            *c = '_';
    return s;
}

char *literal(uint64_t value, int width)
{
    return text("%d'h%llx", width, (unsigned long long)value);
}

char *and_text(const char *a, const char *b)
{
    return b ? text("%s & %s", a, b) : text("%s", a);
}

void or_into(char **list, const char *term)
{
    *list = *list ? text("%s | %s", *list, term) : text("%s", term);
}

void print_stream_ports(FILE *f, bool in, int width, const char *name)
{
    fprintf(f,
            in ? ",\n  input  wire [%d:0] %s_dout,\n  input  wire %s_empty_n,\n"
                 "  output wire %s_read"
               : ",\n  output wire [%d:0] %s_din,\n  input  wire %s_full_n,\n"
                 "  output wire %s_write",
            width - 1, name, name, name);
}

void print_stream_connections(FILE *f, bool in, const char *port, const char *net)
{
    fprintf(f,
            in ? ",\n    .%s_dout(%s_dout), .%s_empty_n(%s_empty_n), .%s_read(%s_read)"
               : ",\n    .%s_din(%s_din), .%s_full_n(%s_full_n), .%s_write(%s_write)",
            port, net, port, net, port, net);
}
