// Clocks the Verilated compute units of a card, and is the memory at their ports.
#include "card.h"

#include "Vkernel.h"
#include "Vkernel___024root.h"
#include <verilated.h>

#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <new>
#include <vector>

// A check in the Verilog has failed: the unit is stuck, not the program.
void vl_finish(const char *, int, const char *)
{
    Verilated::threadContextp()->gotFinish(true);
}

namespace
{
constexpr unsigned OUTSTANDING = 16; // bursts that the memory takes ahead
constexpr unsigned PATIENCE = 1000;  // cycles for an access to a register
constexpr unsigned SLVERR = 2;       // a response of AXI

struct burst {
    uint64_t address;
    unsigned beats;
    uint64_t ready; // cycle
};

struct unit {
    Vkernel top;
    uint64_t base = 0;
    std::deque<burst> reads, writes;
    unsigned answers = 0; // written bursts without a response
    bool offers_read = false, offers_answer = false;
    explicit unit(VerilatedContext *context) : top(context) {}
    bool running() const
    {
        return top.rootp->adafire_kernel_axi__DOT__lite__DOT__running;
    }
};
} // namespace

struct card {
    VerilatedContext context;
    std::vector<std::unique_ptr<unit>> units;
    card_options options{};
    card_counts counts{};
    ::memory *memory = nullptr;
    uint32_t random = 1;
    bool stuck = false;
    bool refuses_reads = false, refuses_writes = false;
};

namespace
{
// Whether a channel rests in this cycle.
bool rests(card &c)
{
    if (!c.options.stall)
        return false;
    c.random ^= c.random << 13;
    c.random ^= c.random >> 17;
    c.random ^= c.random << 5;
    return c.random % 100 < c.options.stall;
}

// AXI4, IHI 0022: bursts do not cross 4 KB; and a card's memory is what the host has allocated.
void check_burst(card &c, const char *what, uint64_t address, unsigned beats, unsigned size,
                 unsigned type)
{
    const uint64_t bytes = 4ull * beats;
    const char *wrong = nullptr;
    if (size != 2 || type != 1)
        wrong = "is no run of whole words";
    else if ((address & 3) || (address & 4095) + bytes > 4096)
        wrong = "crosses a boundary";
    else if (!memory_is_allocated(c.memory, address, bytes))
        wrong = "is outside of the host's buffers";
    if (!wrong)
        return;
    fprintf(stderr, "card: a %s of %u words at 0x%llx %s\n", what, beats,
            static_cast<unsigned long long>(address), wrong);
    c.stuck = true;
}

// What the memory shows to a unit in this cycle. What is offered stays until it is taken.
void show_memory(card &c, unit &u)
{
    Vkernel &t = u.top;
    u.offers_read = !u.reads.empty() && c.counts.cycles >= u.reads.front().ready &&
                    (u.offers_read || !rests(c));
    uint32_t word = 0;
    if (u.offers_read && !c.refuses_reads)
        memory_read(c.memory, u.reads.front().address, &word, sizeof word);
    t.m_axi_in_arready = u.reads.size() < OUTSTANDING && !rests(c);
    t.m_axi_in_rvalid = u.offers_read;
    t.m_axi_in_rdata = word;
    t.m_axi_in_rresp = c.refuses_reads ? SLVERR : 0;
    t.m_axi_in_rlast = u.offers_read && u.reads.front().beats == 1;
    t.m_axi_out_awready = u.writes.size() < OUTSTANDING && !rests(c);
    t.m_axi_out_wready = !u.writes.empty() && !rests(c);
    u.offers_answer = u.answers && (u.offers_answer || !rests(c));
    t.m_axi_out_bvalid = u.offers_answer;
    t.m_axi_out_bresp = c.refuses_writes ? SLVERR : 0;
}

// What passes at the coming edge.
void take_memory(card &c, unit &u)
{
    Vkernel &t = u.top;
    if (t.m_axi_in_rvalid && t.m_axi_in_rready) {
        u.offers_read = false;
        c.counts.words_in++;
        u.reads.front().address += 4;
        if (--u.reads.front().beats == 0)
            u.reads.pop_front();
    }
    if (t.m_axi_in_arvalid && t.m_axi_in_arready) {
        check_burst(c, "read", t.m_axi_in_araddr, t.m_axi_in_arlen + 1u, t.m_axi_in_arsize,
                    t.m_axi_in_arburst);
        u.reads.push_back(
            {t.m_axi_in_araddr, t.m_axi_in_arlen + 1u, c.counts.cycles + c.options.latency});
    }
    if (t.m_axi_out_bvalid && t.m_axi_out_bready) {
        u.offers_answer = false;
        u.answers--;
    }
    if (t.m_axi_out_wvalid && t.m_axi_out_wready) {
        const uint32_t word = t.m_axi_out_wdata;
        burst &b = u.writes.front();
        if ((!c.refuses_writes && !memory_write(c.memory, b.address, &word, sizeof word)) ||
            t.m_axi_out_wstrb != 15 || (t.m_axi_out_wlast != 0) != (b.beats == 1)) {
            fprintf(stderr, "card: a word written at 0x%llx is not as announced\n",
                    static_cast<unsigned long long>(b.address));
            c.stuck = true;
        }
        c.counts.words_out++;
        b.address += 4;
        if (--b.beats == 0) {
            u.writes.pop_front();
            u.answers++;
        }
    }
    if (t.m_axi_out_awvalid && t.m_axi_out_awready) {
        check_burst(c, "write", t.m_axi_out_awaddr, t.m_axi_out_awlen + 1u, t.m_axi_out_awsize,
                    t.m_axi_out_awburst);
        u.writes.push_back({t.m_axi_out_awaddr, t.m_axi_out_awlen + 1u, 0});
    }
}

// One cycle of all units. Registers' signals have been set by the caller.
void step(card &c)
{
    c.counts.running += card_running(&c);
    for (auto &p : c.units) {
        unit &u = *p;
        show_memory(c, u);
        u.top.eval();
        take_memory(c, u);
        u.top.ap_clk = 1;
        u.top.eval();
        u.top.ap_clk = 0;
        u.top.eval();
    }
    c.counts.cycles++;
    if (c.context.gotFinish())
        c.stuck = true;
}

void tick(card &c)
{
    if (!c.stuck)
        step(c);
}

unit *find_unit(card &c, uint64_t address)
{
    for (auto &u : c.units)
        if (address >= u->base && address - u->base < CARD_UNIT_BYTES)
            return u.get();
    return nullptr;
}
} // namespace

card *card_open(const card_options *options, memory *memory)
{
    card *c = new (std::nothrow) card;
    if (!c)
        return nullptr;
    c->options = *options;
    c->memory = memory;
    for (int i = 0; i < options->units; i++) {
        c->units.push_back(std::make_unique<unit>(&c->context));
        c->units.back()->base = options->base[i];
    }
    for (int i = 0; i < 8; i++) {
        for (auto &u : c->units)
            u->top.ap_rst_n = i >= 4;
        tick(*c);
    }
    c->counts = card_counts{};
    return c;
}

void card_close(card *c)
{
    if (c)
        for (auto &u : c->units)
            u->top.final();
    delete c;
}

bool card_write(card *c, uint64_t address, uint32_t value)
{
    unit *u = find_unit(*c, address);
    if (!u)
        return false;
    Vkernel &t = u->top;
    t.s_axi_awaddr = static_cast<uint16_t>(address - u->base);
    t.s_axi_wdata = value;
    t.s_axi_wstrb = 15;
    t.s_axi_awvalid = t.s_axi_wvalid = t.s_axi_bready = 1;
    bool done = false;
    for (unsigned i = 0; i < PATIENCE && !done && !c->stuck; i++) {
        t.eval();
        const bool address_goes = t.s_axi_awvalid && t.s_axi_awready,
                   word_goes = t.s_axi_wvalid && t.s_axi_wready;
        done = t.s_axi_bvalid;
        tick(*c);
        if (address_goes)
            t.s_axi_awvalid = 0;
        if (word_goes)
            t.s_axi_wvalid = 0;
    }
    t.s_axi_awvalid = t.s_axi_wvalid = t.s_axi_bready = 0;
    c->counts.runs += address == u->base && (value & 1);
    return true;
}

bool card_read(card *c, uint64_t address, uint32_t *value)
{
    unit *u = find_unit(*c, address);
    *value = 0;
    if (!u)
        return false;
    Vkernel &t = u->top;
    t.s_axi_araddr = static_cast<uint16_t>(address - u->base);
    t.s_axi_arvalid = t.s_axi_rready = 1;
    bool done = false;
    for (unsigned i = 0; i < PATIENCE && !done; i++) { // a stuck one, too, says why
        t.eval();
        const bool goes = t.s_axi_arvalid && t.s_axi_arready;
        done = t.s_axi_rvalid;
        *value = t.s_axi_rdata;
        step(*c);
        if (goes)
            t.s_axi_arvalid = 0;
    }
    t.s_axi_arvalid = t.s_axi_rready = 0;
    if (!done)
        *value = address == u->base; /* a dead card looks busy */
    return true;
}

bool card_running(const card *c)
{
    for (auto &u : c->units)
        if (u->running())
            return true;
    return false;
}

bool card_stuck(const card *c)
{
    return c->stuck;
}

void card_clock(card *c, uint64_t cycles)
{
    if (!card_running(c)) { // nothing changes but the time
        c->counts.cycles += cycles;
        return;
    }
    for (; cycles && !c->stuck; cycles--)
        tick(*c);
}

void card_hang(card *c)
{
    c->options.stall = 100;
}

void card_refuse(card *c, bool reads, bool writes)
{
    c->refuses_reads = c->refuses_reads || reads;
    c->refuses_writes = c->refuses_writes || writes;
}

card_counts card_count(const card *c)
{
    return c->counts;
}
