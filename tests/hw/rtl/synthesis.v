// One of each module, for a look at what synthesis makes of it. TDP is the depth of hls_ram_tdp.
module synthesis #(
    parameter TDP = 1024
) (
    input  wire         clk,
    input  wire         rst,
    input  wire [511:0] in,
    output wire [750:0] out
);
    // Everything comes from a register and goes to an output.
    reg [511:0] i;
    always @(posedge clk)
        i <= in;

    hls_fifo #(32, 16) shallow (clk, rst, i[31:0], i[32], out[0], out[32:1], i[33], out[33]);
    hls_fifo #(32, 512) deep (clk, rst, i[31:0], i[32], out[34], out[66:35], i[33], out[67]);
    hls_ram_sdp #(32, 1024, 10, 0) sdp (
        clk, i[9:0], i[10], out[99:68], i[20:11], i[21], i[53:22]);
    hls_ram_sdp #(32, 1024, 10, 1) sdp_bypass (
        clk, i[9:0], i[10], out[131:100], i[20:11], i[21], i[53:22]);
    hls_ram_tdp #(8, TDP, $clog2(TDP)) tdp (
        clk, i[$clog2(TDP)-1:0], i[20], i[21], i[29:22], out[139:132],
        i[30+:$clog2(TDP)], i[50], i[51], i[59:52], out[147:140]);
    hls_axi_read #(64, 64, 512) read (
        clk, rst, i[63:0], i[95:64], i[96], out[148], out[212:149], out[213], i[97],
        out[277:214], out[285:278], out[288:286], out[290:289], out[291], i[98],
        i[162:99], i[164:163], i[165], i[166], out[292], out[293], out[294]);
    hls_axi_write #(64, 64, 512) write (
        clk, rst, i[63:0], i[95:64], i[96], out[295], i[160:97], i[161], out[296],
        out[360:297], out[368:361], out[371:369], out[373:372], out[374], i[162],
        out[438:375], out[446:439], out[447], out[448], i[163],
        i[165:164], i[166], out[449], out[450], out[451]);
    hls_axi_lite #(8, 2, 12, 32, 2) lite (
        clk, rst, i[11:0], i[12], out[452], i[44:13], i[48:45], i[49], out[453],
        out[455:454], out[456], i[50], i[62:51], i[63], out[457],
        out[489:458], out[491:490], out[492], i[64], out[493], out[494], i[65], i[66],
        i[130:67], out[750:495], i[131], i[163:132], i[165:164]);
endmodule
