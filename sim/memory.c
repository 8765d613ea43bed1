#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_BITS = 16, PAGE = 1 << PAGE_BITS };

struct page {
    uint64_t number;
    uint8_t *bytes; /* NULL: a free place */
};

struct range {
    uint64_t address, bytes;
};

struct memory {
    struct page *page; /* a hash table with open addressing, at most half full */
    size_t places, pages;
    struct range *range;
    size_t ranges, room;
};

struct memory *memory_make(void)
{
    struct memory *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->places = 64;
    m->page = calloc(m->places, sizeof *m->page);
    if (!m->page) {
        free(m);
        return NULL;
    }
    return m;
}

void memory_free(struct memory *m)
{
    for (size_t i = 0; m && i < m->places; i++)
        free(m->page[i].bytes);
    if (m) {
        free(m->page);
        free(m->range);
    }
    free(m);
}

/* The page's place, or the free one where it belongs. */
static struct page *find(const struct memory *m, uint64_t number)
{
    size_t i = (size_t)((number * 0x9e3779b97f4a7c15u) >> 32);
    for (;; i++) {
        struct page *p = &m->page[i & (m->places - 1)];
        if (!p->bytes || p->number == number)
            return p;
    }
}

static bool grow(struct memory *m)
{
    struct memory more = {.places = 2 * m->places};
    more.page = calloc(more.places, sizeof *more.page);
    if (!more.page)
        return false;
    for (size_t i = 0; i < m->places; i++)
        if (m->page[i].bytes)
            *find(&more, m->page[i].number) = m->page[i];
    free(m->page);
    m->page = more.page;
    m->places = more.places;
    return true;
}

static uint8_t *page_to_write(struct memory *m, uint64_t number)
{
    struct page *p = find(m, number);
    if (p->bytes)
        return p->bytes;
    if (2 * (m->pages + 1) > m->places) {
        if (!grow(m))
            return NULL;
        p = find(m, number);
    }
    p->bytes = calloc(1, PAGE);
    p->number = number;
    m->pages += p->bytes != NULL;
    return p->bytes;
}

bool memory_write(struct memory *m, uint64_t address, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    while (count) {
        const size_t at = address & (PAGE - 1), most = PAGE - at, n = count < most ? count : most;
        uint8_t *page = page_to_write(m, address >> PAGE_BITS);
        if (!page)
            return false;
        memcpy(page + at, from, n);
        address += n;
        from += n;
        count -= n;
    }
    return true;
}

void memory_read(struct memory *m, uint64_t address, void *bytes, size_t count)
{
    uint8_t *to = bytes;
    while (count) {
        const size_t at = address & (PAGE - 1), most = PAGE - at, n = count < most ? count : most;
        const uint8_t *page = find(m, address >> PAGE_BITS)->bytes;
        if (page)
            memcpy(to, page + at, n);
        else
            memset(to, 0, n);
        address += n;
        to += n;
        count -= n;
    }
}

bool memory_allocate(struct memory *m, uint64_t address, uint64_t bytes)
{
    if (m->ranges == m->room) {
        const size_t room = m->room ? 2 * m->room : 16;
        struct range *more = realloc(m->range, room * sizeof *more);
        if (!more)
            return false;
        m->range = more;
        m->room = room;
    }
    m->range[m->ranges++] = (struct range){address, bytes};
    return true;
}

void memory_release(struct memory *m, uint64_t address)
{
    for (size_t i = 0; i < m->ranges; i++)
        if (m->range[i].address == address) {
            m->range[i] = m->range[--m->ranges];
            return;
        }
}

bool memory_is_allocated(const struct memory *m, uint64_t address, uint64_t bytes)
{
    for (size_t i = 0; i < m->ranges; i++) {
        const struct range *r = &m->range[i];
        if (address >= r->address && bytes <= r->bytes && address - r->address <= r->bytes - bytes)
            return true;
    }
    return false;
}
