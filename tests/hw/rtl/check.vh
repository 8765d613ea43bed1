// Included inside a module that checks something: random numbers that are the same in every
// simulator, and CHECK, which reports the first few failures of a module.
`define CHECK(condition, what) \
    if ((condition) !== 1'b1) begin \
        errors = errors + 1; \
        if (errors <= 3) \
            $display("FAIL %m at %0d: %0s", $time, what); \
    end

integer errors = 0;

function [31:0] next_random(input [31:0] x);
    reg [31:0] y;
    begin
        y = x ^ (x << 13);
        y = y ^ (y >> 17);
        next_random = y ^ (y << 5);
    end
endfunction

// A number scattered over 32 bits.
function [31:0] scatter(input [31:0] x);
    reg [31:0] y;
    begin
        y = (x ^ (x >> 16)) * 32'h45d9f3b;
        y = (y ^ (y >> 16)) * 32'h45d9f3b;
        scatter = y ^ (y >> 16);
    end
endfunction
