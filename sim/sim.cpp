// Clocks the Verilated accelerator: words in, words out, cycles counted.
#include "sim.h"

#include "Vaccelerator.h"
#include <verilated.h>
#if SIM_MEMORY
#include "behind.h"
#endif
#if VM_TRACE
#include <verilated_fst_c.h>
#endif

#include <cstdarg>
#include <cstdio>
#include <memory>
#include <new>
#include <string>
#include <vector>

// A check in the Verilog has failed: the exchange ends, not the program.
void vl_finish(const char *, int, const char *)
{
    Verilated::threadContextp()->gotFinish(true);
}

// Of the simulator that this thread clocks.
static thread_local std::string printed;

int sim_print(const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    printed += text;
    return length;
}

struct sim {
    VerilatedContext context;
    std::unique_ptr<Vaccelerator> top;
#if VM_TRACE
    std::unique_ptr<VerilatedFstC> waves;
#endif
    sim_options options{};
    std::vector<uint32_t> answer;
    std::string stuck;
    uint64_t cycles = 0, told = 0;
    uint32_t random = 1;
#if SIM_MEMORY
    std::unique_ptr<memory_behind> memory;
#endif
};

namespace
{
// Verilator has a context for each thread; here every simulator has one, whatever thread clocks it.
void use(sim &s)
{
    Verilated::threadContextp(&s.context);
}

// Whether the link rests in this cycle.
bool rests(sim &s)
{
    s.random ^= s.random << 13;
    s.random ^= s.random >> 17;
    s.random ^= s.random << 5;
    return s.options.stall && s.random % 100 < s.options.stall;
}

#if SIM_MEMORY
// What the memory shows in this cycle; then, what the machine does with it.
void show_memory(sim &s)
{
    Vaccelerator &top = *s.top;
    const memory_behind &m = *s.memory;
    top.script_ask_full_n = m.room_to_ask(memory_behind::SCRIPT);
    top.data_ask_full_n = m.room_to_ask(memory_behind::DATA);
    top.store_full_n = m.room_to_store();
    top.stored_dout = 1;
    top.stored_empty_n = m.has_stored();
    top.script_empty_n = m.has_beat(memory_behind::SCRIPT);
    top.data_empty_n = m.has_beat(memory_behind::DATA);
    for (int i = 0; i < 4; i++) {
        top.script_dout[i] = top.script_empty_n ? m.front(memory_behind::SCRIPT)[i] : 0;
        top.data_dout[i] = top.data_empty_n ? m.front(memory_behind::DATA)[i] : 0;
    }
}

// A struct store (hw/tokens.h) as bits: confirm, exit, address, beat.
void clock_memory(sim &s)
{
    Vaccelerator &top = *s.top;
    memory_behind &m = *s.memory;
    if (top.script_read)
        m.take(memory_behind::SCRIPT);
    if (top.data_read)
        m.take(memory_behind::DATA);
    if (top.stored_read)
        m.take_stored();
    if (top.script_ask_write)
        m.ask(memory_behind::SCRIPT, static_cast<uint32_t>(top.script_ask_din),
              static_cast<uint32_t>(top.script_ask_din >> 32));
    if (top.data_ask_write)
        m.ask(memory_behind::DATA, static_cast<uint32_t>(top.data_ask_din),
              static_cast<uint32_t>(top.data_ask_din >> 32));
    if (top.store_write && top.store_din[0] & 0xff)
        m.confirm();
    else if (top.store_write && !(top.store_din[0] & 0xff00))
        m.store(top.store_din[1],
                {top.store_din[2], top.store_din[3], top.store_din[4], top.store_din[5]});
    m.clock();
}
#endif

// Inputs have settled; what the machine shows now is taken over at the rising edge.
void clock(sim &s)
{
    for (int level = 1; level >= 0; level--) {
        s.top->clk = level;
        s.top->eval();
#if VM_TRACE
        if (s.waves && s.cycles >= s.options.trace_from && s.cycles <= s.options.trace_to)
            s.waves->dump(2 * s.cycles + (level ? 0 : 1));
#endif
    }
    s.cycles++;
    if (s.options.tick && s.cycles - s.told >= 1 << 13) {
        s.options.tick(s.options.context, s.cycles - s.told);
        s.told = s.cycles;
    }
}

void reset(sim &s)
{
#if SIM_MEMORY
    s.memory->forget();
    s.top->script_empty_n = s.top->data_empty_n = s.top->stored_empty_n = 0;
    s.top->script_ask_full_n = s.top->data_ask_full_n = s.top->store_full_n = 0;
#endif
    s.top->ap_start = 0;
    s.top->in_empty_n = 0;
    s.top->out_full_n = 0;
    s.top->rst = 1;
    for (int i = 0; i < 4; i++)
        clock(s);
    s.top->rst = 0;
}
// What hlsc's Verilog says in a deadlock ("hlsc:   neurons0 waits for a token of `operations0'
// (depth 16, accelerator.c:91)", a line each), or where the outside is waited for.
std::string explain(const std::string &text, size_t taken, size_t words)
{
    static const char line[] = "hlsc:   ";
    std::string all;
    for (size_t at = text.find(line); at != std::string::npos; at = text.find(line, at)) {
        at += sizeof line - 1;
        all += (all.empty() ? "" : "; ") + text.substr(at, text.find('\n', at) - at);
    }
    if (!all.empty())
        return all;
    return taken == words ? "it has taken all words and waits for more"
                          : "it has not taken all words";
}
} // namespace

sim *sim_open(const sim_options *options)
{
    sim *s = new (std::nothrow) sim;
    if (!s)
        return nullptr;
    s->options = *options;
    s->context.threads(1); // a pool of others would only wait
    use(*s);
#if VM_TRACE
    s->context.traceEverOn(true);
#endif
    s->top = std::make_unique<Vaccelerator>(&s->context);
#if VM_TRACE
    if (options->trace) {
        s->waves = std::make_unique<VerilatedFstC>();
        s->top->trace(s->waves.get(), 99);
        s->waves->open(options->trace);
    }
#endif
#if SIM_MEMORY
    memory_timing timing;
    if (options->memory && !read_timing(options->memory, &timing)) {
        delete s;
        return nullptr;
    }
    s->memory = std::make_unique<memory_behind>(timing);
#endif
    reset(*s);
    return s;
}

int sim_exchange(sim *s, const uint32_t *word, size_t words, const uint32_t **answer,
                 size_t *answers)
{
    Vaccelerator &top = *s->top;
    size_t taken = 0;
    uint64_t quiet = 0;
    s->answer.clear();
    use(*s);
    printed.clear();
    top.ap_start = 1;
    bool offered = false, room = false;
    for (bool first = true; first || !top.ap_done; first = false) {
        // A word or room once offered stays until it is taken.
        offered = offered || (taken < words && !rests(*s));
        room = room || !rests(*s);
        top.in_empty_n = offered;
        top.in_dout = taken < words ? word[taken] : 0;
        top.out_full_n = room;
#if SIM_MEMORY
        show_memory(*s);
#endif
        top.eval();
        const bool reads = top.in_read, writes = top.out_write;
        const uint32_t written = top.out_din;
#if SIM_MEMORY
        clock_memory(*s);
#endif
        clock(*s);
        top.ap_start = 0;
        if (reads) {
            taken++;
            offered = false;
        }
        if (writes) {
            try {
                s->answer.push_back(written);
            } catch (const std::bad_alloc &) {
                return SIM_NO_MEMORY;
            }
            room = false;
        }
        quiet = reads || writes ? 0 : quiet + 1;
        if (quiet > s->options.patience || s->context.gotFinish()) {
            s->context.gotFinish(false);
            s->stuck = explain(printed, taken, words);
            reset(*s);
            return SIM_STUCK;
        }
    }
    *answer = s->answer.data();
    *answers = s->answer.size();
    return SIM_OK;
}

const char *sim_stuck(const sim *s)
{
    return s->stuck.c_str();
}

unsigned sim_megahertz(void)
{
    return SIM_MHZ;
}

uint64_t sim_cycles(const sim *s)
{
    return s->cycles;
}

void sim_close(sim *s)
{
#if VM_TRACE
    if (s->waves)
        s->waves->close();
#endif
    use(*s);
    s->top->final();
    delete s;
}
