// The memory behind a simulated accelerator: two ports that read and one that writes (hw/tokens.h),
// which share its width; beats of 128 bits. As unkind as memory may be: a read takes its latency, a
// write can be seen only when it has taken as long, and what is read was looked up when it was
// asked for.
#ifndef ADAFIRE_SIM_BEHIND_H
#define ADAFIRE_SIM_BEHIND_H

#include "memory.h"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

struct memory_timing {
    unsigned latency = 60; // cycles from a beat's turn until it is there
    unsigned width = 128;  // bits a cycle, for all ports together
    unsigned stall = 0;    // percentage of cycles in which it rests, at random
    unsigned refresh =
        0; // it rests for 1 in so many cycles times REFRESH_CYCLES in a row; 0: never
};
// "latency 60 width 128 stall 10 refresh 0", any of them, in any order; false: it says something
// else.
bool read_timing(const char *text, memory_timing *timing);

class memory_behind
{
  public:
    using beat = std::array<uint32_t, 4>;
    enum { SCRIPT, DATA, READERS };

    explicit memory_behind(const memory_timing &timing);

    // What the machine sees in this cycle.
    bool room_to_ask(int port) const
    {
        return asked_[port].size() < ASKED;
    }
    bool has_beat(int port) const
    {
        return !coming_[port].empty() && coming_[port].front().when <= now_;
    }
    const beat &front(int port) const
    {
        return coming_[port].front().data;
    }
    bool room_to_store() const
    {
        return stores_.size() < STORES;
    }
    bool has_stored() const
    {
        return stored_ > 0;
    }

    // What it does at the end of it.
    void ask(int port, uint32_t address, uint32_t beats);
    void take(int port)
    {
        coming_[port].pop_front();
    }
    void store(uint32_t address, const beat &data)
    {
        stores_.push_back({false, address, data});
    }
    void confirm()
    {
        stores_.push_back({true, 0, {}});
    }
    void take_stored()
    {
        stored_--;
    }
    void clock();
    void forget(); // what is under way; what is stored stays

    uint64_t beats_read(int port) const
    {
        return read_[port];
    }
    uint64_t beats_written() const
    {
        return written_;
    }

  private:
    enum { ASKED = 2, AHEAD = 256, STORES = 16, REFRESH_CYCLES = 40, BEAT_BITS = 128 };
    struct request {
        uint32_t address, beats;
    };
    struct arrival {
        uint64_t when;
        beat data;
    };
    struct write {
        bool confirm;
        uint32_t address;
        beat data;
    };
    struct landing {
        uint64_t when;
        write what;
    };
    bool serve();
    bool rests();

    memory_timing timing_;
    struct freer {
        void operator()(memory *m) const
        {
            memory_free(m);
        }
    };
    std::unique_ptr<memory, freer> memory_;
    std::deque<request> asked_[READERS];
    std::deque<arrival> coming_[READERS];
    std::deque<write> stores_;
    std::deque<landing> landing_;
    uint64_t now_ = 0, read_[READERS] = {}, written_ = 0;
    unsigned credit_ = 0, stored_ = 0;
    uint32_t random_ = 1;
};

#endif
