/* Which boards there are, what they can, and which are attached to this computer:
 *
 *     cc boards.c $(pkg-config --cflags --libs adafire) -o boards */
#include <adafire.h>
#include <stdio.h>

static void print_attached(void *context, const char *name, const char *text)
{
    int *count = (int *)context;
    printf("%s%-16s %s\n", (*count)++ ? "" : "\nattached:\n", name, text);
}

int main(void)
{
    static const char *const links[] = {"-", "process", "XRT", "serial", "FIFO"};
    int attached = 0;
    printf("AdaFire %s\n%-16s %-8s %-5s %-6s %-6s %s\n", af_version(), "board", "link", "MHz",
           "cycles", "events", "");
    for (int i = 0; i < af_board_count(); i++) {
        struct af_board_info b;
        if (af_board_info(i, &b))
            return 2;
        printf("%-16s %-8s %-5.0f %-6s %-6s %s%s\n", b.name, links[b.link], b.megahertz,
               b.counts_cycles ? "yes" : "", b.sends_events ? "yes" : "", b.summary,
               b.runs ? "" : " (can be flashed alone)");
    }
    return af_boards_attached(print_attached, &attached) ? 2 : 0;
}
