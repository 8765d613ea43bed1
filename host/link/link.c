#include "link/link.h"

void links_close(struct links *links)
{
    for (int i = 0; i < links->count; i++)
        links->link[i]->operations->close(links->link[i]);
    links->count = 0;
}
