// What every testbench needs: a clock, and an end when all checks are done or take too long.
module bench #(
    parameter CHECKS = 1,
    parameter CYCLES = 200000
) (
    output reg              clk,
    input  wire [CHECKS-1:0] done
);
    initial clk = 0;
    always #5 clk = !clk;

    integer cycle = 0;
    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (&done) begin
            $display("end");
            $finish;
        end else if (cycle == CYCLES) begin
            $display("FAIL not done after %0d cycles: done = %b", CYCLES, done);
            $finish;
        end
    end
endmodule
