/* Reads, writes and questions of streams. */
#ifndef HLSC_STREAM_H
#define HLSC_STREAM_H
#include "process.h"

/* A call of hls_read, hls_write or hls_empty; returns its node. */
int build_stream(struct process *p, LLVMValueRef call);
#endif
