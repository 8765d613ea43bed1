/* A board's whole design, Verilated, at its pins: a shared object for each (adafire-board-NAME.so).
 */
#ifndef ADAFIRE_SIM_BOARD_H
#define ADAFIRE_SIM_BOARD_H

#ifdef __cplusplus
extern "C" {
#endif

struct board;
struct board *board_open(void); /* NULL: no memory */
void board_close(struct board *board);

/* One of these two, as the design has them; the other does not exist. */

/* A cycle of the clock with this level at rx; returns that of tx before the edge. */
int board_clock_uart(struct board *board, int rx);
/* That clock's megahertz. */
unsigned board_uart_mhz(void);
/* Bits a second. */
unsigned board_uart_baud(void);

/* The pins of a synchronous 245 FIFO; the chip's, which are set, and the board's, which are as
 * before the edge. in is on the data lines while oe_n is low; out is what is there. */
struct board_fifo {
    unsigned char rxf_n, txe_n, in;
    unsigned char rd_n, wr_n, oe_n, out;
};
/* A cycle of 60 MHz; running: the chip's clock does, the machine's always does. */
void board_clock_fifo(struct board *board, int running, struct board_fifo *pins);

#ifdef __cplusplus
}
#endif

#endif
