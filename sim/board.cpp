// Clocks a board's Verilated design (board.h).
#include "board.h"

#include "Vboard.h"
#include <verilated.h>

#include <memory>
#include <new>

// Whatever a damaged message makes of the machine, the line goes on.
void vl_finish(const char *, int, const char *) {}

struct board {
    VerilatedContext context;
    std::unique_ptr<Vboard> top;
    unsigned phase = 0; // of the machine's clock, behind a FIFO
};

board *board_open(void)
{
    board *b = new (std::nothrow) board;
    if (b)
        b->top = std::make_unique<Vboard>(&b->context);
    return b;
}

void board_close(board *b)
{
    b->top->final();
    delete b;
}

#ifdef BOARD_UART
int board_clock_uart(board *b, int rx)
{
    Vboard &top = *b->top;
    top.rx = rx;
    const int tx = top.tx;
    top.clk = 1;
    top.eval();
    top.clk = 0;
    top.eval();
    return tx;
}

unsigned board_uart_mhz(void)
{
    return BOARD_MHZ;
}

unsigned board_uart_baud(void)
{
    return 1000000u * BOARD_MHZ / BOARD_UART;
}
#endif

#ifdef BOARD_FIFO
// The machine's clock has 24 MHz: in steps of 1/240 us the chip's changes every second, this one
// every fifth.
void board_clock_fifo(board *b, int running, board_fifo *pins)
{
    Vboard &top = *b->top;
    top.rxf_n = pins->rxf_n;
    top.txe_n = pins->txe_n;
    top.in = pins->in;
    top.eval();
    pins->rd_n = top.rd_n;
    pins->wr_n = top.wr_n;
    pins->oe_n = top.oe_n;
    pins->out = top.out;
    for (unsigned step = 0; step < 4; step++) {
        const bool chip = running && step % 2 == 0, machine = b->phase++ % 5 == 0;
        if (chip)
            top.clk60 = step == 0;
        if (machine)
            top.clk_12 = !top.clk_12;
        if (chip || machine)
            top.eval();
    }
}
#endif
