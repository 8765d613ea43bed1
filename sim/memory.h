/* The memory of an emulated card: 64 bits of addresses, bytes that nobody wrote are 0, and pages
 * come into being when they are written. A port may only use what the host has allocated. */
#ifndef ADAFIRE_SIM_MEMORY_H
#define ADAFIRE_SIM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct memory;
struct memory *memory_make(void); /* NULL: no memory */
void memory_free(struct memory *m);
bool memory_write(struct memory *m, uint64_t address, const void *bytes, size_t count);
void memory_read(struct memory *m, uint64_t address, void *bytes, size_t count);

/* The host's buffers. */
bool memory_allocate(struct memory *m, uint64_t address, uint64_t bytes);
void memory_release(struct memory *m, uint64_t address);
bool memory_is_allocated(const struct memory *m, uint64_t address, uint64_t bytes);

#ifdef __cplusplus
}
#endif

#endif
