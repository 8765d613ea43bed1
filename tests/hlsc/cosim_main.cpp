// Clocks the testbench under Verilator.
#include "Vcosim_bench.h"
#include "verilated.h"

double sc_time_stamp()
{
    return 0;
}

int main(int argc, char **argv)
{
    VerilatedContext context;
    context.commandArgs(argc, argv);
    context.randReset(2); // don't-cares are anything
    Vcosim_bench bench{&context};
    while (!context.gotFinish()) {
        bench.clk = !bench.clk;
        bench.eval();
    }
    bench.final();
    return 0;
}
