#include "calls.h"

#include "ir.h"

#include <string.h>

bool called(LLVMValueRef call, const char *name)
{
    if (!LLVMIsACallInst(call))
        return false;
    LLVMValueRef f = LLVMGetCalledValue(call);
    return LLVMIsAFunction(f) && !strcmp(value_name(f), name);
}

bool called_prefix(LLVMValueRef call, const char *prefix)
{
    if (!LLVMIsACallInst(call))
        return false;
    LLVMValueRef f = LLVMGetCalledValue(call);
    return LLVMIsAFunction(f) && !strncmp(value_name(f), prefix, strlen(prefix));
}

bool is_stream_read(LLVMValueRef call)
{
    return called_prefix(call, "hlsc.read.");
}

bool is_stream_write(LLVMValueRef call)
{
    return called_prefix(call, "hlsc.write.");
}

bool is_stream_empty(LLVMValueRef call)
{
    return called(call, "hls_stream_empty");
}

bool is_stream_open(LLVMValueRef call)
{
    return called(call, "hls_stream_open");
}

const char *const counter_name[COUNTERS] = {"hls_clock", "hls_starved", "hls_blocked"};

bool is_counter(LLVMValueRef call, enum counter *which)
{
    for (int k = 0; k < COUNTERS; k++)
        if (called(call, counter_name[k])) {
            *which = (enum counter)k;
            return true;
        }
    return false;
}
