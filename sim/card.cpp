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

// What the memory owes one port.
struct reader {
    std::deque<burst> bursts;
    bool offers = false;
};
struct writer {
    std::deque<burst> bursts;
    unsigned answers = 0; // written bursts without a response
    bool offers = false;
};

struct unit {
    Vkernel top;
    uint64_t base = 0;
    reader in;
    writer out;
#ifdef CARD_MEMORY
    reader script, data, lists; // of the memory behind it; it reads lists to know what has arrived
    writer written;
#endif
    explicit unit(VerilatedContext *context) : top(context)
    {
    }
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
                 unsigned type, unsigned width)
{
    const uint64_t bytes = static_cast<uint64_t>(width) * beats;
    const char *wrong = nullptr;
    if (1u << size != width || type != 1)
        wrong = "is no run of whole words";
    else if (address % width || (address & 4095) + bytes > 4096)
        wrong = "crosses a boundary";
    else if (!memory_is_allocated(c.memory, address, bytes))
        wrong = "is outside of the host's buffers";
    if (!wrong)
        return;
    fprintf(stderr, "card: a %s of %u words at 0x%llx %s\n", what, beats,
            static_cast<unsigned long long>(address), wrong);
    c.stuck = true;
}

// What the memory shows to a unit's port in this cycle, and what passes at the coming edge. What is
// offered stays until it is taken. Signals are a port's own, as Verilator calls them.
template <typename data> struct read_signals {
    const uint64_t &araddr;
    const uint8_t &arlen, &arsize, &arburst, &arvalid;
    uint8_t &arready;
    data &rdata;
    uint8_t &rresp, &rlast, &rvalid;
    const uint8_t &rready;
};
template <typename data> struct write_signals {
    const uint64_t &awaddr;
    const uint8_t &awlen, &awsize, &awburst, &awvalid;
    uint8_t &awready;
    const data &wdata;
    uint16_t wstrb;
    const uint8_t &wlast, &wvalid;
    uint8_t &wready, &bresp, &bvalid;
    const uint8_t &bready;
};
#define READS(name)                                                                                \
    {t.m_axi_##name##_araddr,  t.m_axi_##name##_arlen,   t.m_axi_##name##_arsize,                  \
     t.m_axi_##name##_arburst, t.m_axi_##name##_arvalid, t.m_axi_##name##_arready,                 \
     t.m_axi_##name##_rdata,   t.m_axi_##name##_rresp,   t.m_axi_##name##_rlast,                   \
     t.m_axi_##name##_rvalid,  t.m_axi_##name##_rready}
#define WRITES(name)                                                                               \
    {t.m_axi_##name##_awaddr,  t.m_axi_##name##_awlen,   t.m_axi_##name##_awsize,                  \
     t.m_axi_##name##_awburst, t.m_axi_##name##_awvalid, t.m_axi_##name##_awready,                 \
     t.m_axi_##name##_wdata,   t.m_axi_##name##_wstrb,   t.m_axi_##name##_wlast,                   \
     t.m_axi_##name##_wvalid,  t.m_axi_##name##_wready,  t.m_axi_##name##_bresp,                   \
     t.m_axi_##name##_bvalid,  t.m_axi_##name##_bready}

template <typename data> void show(card &c, reader &r, read_signals<data> s)
{
    r.offers =
        !r.bursts.empty() && c.counts.cycles >= r.bursts.front().ready && (r.offers || !rests(c));
    memset(&s.rdata, 0, sizeof s.rdata);
    if (r.offers && !c.refuses_reads)
        memory_read(c.memory, r.bursts.front().address, &s.rdata, sizeof s.rdata);
    s.arready = r.bursts.size() < OUTSTANDING && !rests(c);
    s.rvalid = r.offers;
    s.rresp = c.refuses_reads ? SLVERR : 0;
    s.rlast = r.offers && r.bursts.front().beats == 1;
}

template <typename data> void show(card &c, writer &w, write_signals<data> s)
{
    s.awready = w.bursts.size() < OUTSTANDING && !rests(c);
    s.wready = !w.bursts.empty() && !rests(c);
    w.offers = w.answers && (w.offers || !rests(c));
    s.bvalid = w.offers;
    s.bresp = c.refuses_writes ? SLVERR : 0;
}

template <typename data> void take(card &c, reader &r, read_signals<data> s)
{
    if (s.rvalid && s.rready) {
        r.offers = false;
        c.counts.words_in += sizeof(data) / 4;
        r.bursts.front().address += sizeof(data);
        if (--r.bursts.front().beats == 0)
            r.bursts.pop_front();
    }
    if (s.arvalid && s.arready) {
        check_burst(c, "read", s.araddr, s.arlen + 1u, s.arsize, s.arburst, sizeof(data));
        r.bursts.push_back({s.araddr, s.arlen + 1u, c.counts.cycles + c.options.latency});
    }
}

template <typename data> void take(card &c, writer &w, write_signals<data> s)
{
    if (s.bvalid && s.bready) {
        w.offers = false;
        w.answers--;
    }
    if (s.wvalid && s.wready) {
        burst &b = w.bursts.front();
        if ((!c.refuses_writes && !memory_write(c.memory, b.address, &s.wdata, sizeof(data))) ||
            s.wstrb != (1u << sizeof(data)) - 1 || (s.wlast != 0) != (b.beats == 1)) {
            fprintf(stderr, "card: a word written at 0x%llx is not as announced\n",
                    static_cast<unsigned long long>(b.address));
            c.stuck = true;
        }
        c.counts.words_out += sizeof(data) / 4;
        b.address += sizeof(data);
        if (--b.beats == 0) {
            w.bursts.pop_front();
            w.answers++;
        }
    }
    if (s.awvalid && s.awready) {
        check_burst(c, "write", s.awaddr, s.awlen + 1u, s.awsize, s.awburst, sizeof(data));
        w.bursts.push_back({s.awaddr, s.awlen + 1u, 0});
    }
}

// All of a unit's ports: what the memory owes them, and their signals.
template <typename function> void each_port(unit &u, function f)
{
    Vkernel &t = u.top;
    f(u.in, read_signals<uint32_t> READS(in));
    f(u.out, write_signals<uint32_t> WRITES(out));
#ifdef CARD_MEMORY
    f(u.script, read_signals<VlWide<4>> READS(script));
    f(u.data, read_signals<VlWide<4>> READS(data));
    f(u.lists, read_signals<VlWide<4>> READS(lists));
    f(u.written, write_signals<VlWide<4>> WRITES(lists));
#endif
}

// One cycle of all units. Registers' signals have been set by the caller.
void step(card &c)
{
    c.counts.running += card_running(&c);
    for (auto &p : c.units) {
        unit &u = *p;
        each_port(u, [&c](auto &port, auto signals) { show(c, port, signals); });
        u.top.eval();
        each_port(u, [&c](auto &port, auto signals) { take(c, port, signals); });
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
