#include "behind.h"

#include <cstdio>
#include <cstring>
#include <new>

bool read_timing(const char *text, memory_timing *timing)
{
    const struct {
        const char *name;
        unsigned *value;
        unsigned least, most;
    } fields[] = {{"latency", &timing->latency, 1, 100000},
                  {"width", &timing->width, 8, 4096},
                  {"stall", &timing->stall, 0, 99},
                  {"refresh", &timing->refresh, 0, 1000000}};
    char name[16];
    unsigned value;
    int length = 0;
    for (; *text; text += length) {
        if (sscanf(text, " %15[a-z] %u%n", name, &value, &length) != 2)
            return strspn(text, " ") == strlen(text);
        bool known = false;
        for (const auto &f : fields)
            if (strcmp(f.name, name) == 0 && value >= f.least && value <= f.most) {
                *f.value = value;
                known = true;
            }
        if (!known)
            return false;
    }
    return true;
}

memory_behind::memory_behind(const memory_timing &timing) : timing_(timing), memory_(memory_make())
{
    if (!memory_)
        throw std::bad_alloc();
}

void memory_behind::ask(int port, uint32_t address, uint32_t beats)
{
    if (beats)
        asked_[port].push_back({address, beats});
}

bool memory_behind::rests()
{
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    return (timing_.refresh && now_ % timing_.refresh < REFRESH_CYCLES) ||
           (timing_.stall && random_ % 100 < timing_.stall);
}

// One beat of whoever is first: what is written goes before what is read.
bool memory_behind::serve()
{
    if (!stores_.empty()) {
        const bool confirm = stores_.front().confirm;
        landing_.push_back({now_ + timing_.latency, stores_.front()});
        stores_.pop_front();
        written_ += !confirm;
        return true;
    }
    for (int port : {DATA, SCRIPT}) {
        if (asked_[port].empty() || coming_[port].size() >= AHEAD)
            continue;
        request &r = asked_[port].front();
        arrival a{now_ + timing_.latency, {}};
        memory_read(memory_.get(), static_cast<uint64_t>(r.address) * sizeof a.data, a.data.data(),
                    sizeof a.data);
        coming_[port].push_back(a);
        read_[port]++;
        r.address++;
        if (--r.beats == 0)
            asked_[port].pop_front();
        return true;
    }
    return false;
}

void memory_behind::clock()
{
    now_++;
    while (!landing_.empty() && landing_.front().when <= now_) {
        const write &w = landing_.front().what;
        if (w.confirm)
            stored_++;
        else if (!memory_write(memory_.get(), static_cast<uint64_t>(w.address) * sizeof w.data,
                               w.data.data(), sizeof w.data))
            throw std::bad_alloc();
        landing_.pop_front();
    }
    if (stores_.empty() && asked_[DATA].empty() && asked_[SCRIPT].empty())
        return;
    if (rests())
        return;
    credit_ += timing_.width;
    while (credit_ >= BEAT_BITS && serve())
        credit_ -= BEAT_BITS;
    if (credit_ > BEAT_BITS)
        credit_ %= BEAT_BITS; // what was not used is lost
}

void memory_behind::forget()
{
    for (int port = 0; port < READERS; port++) {
        asked_[port].clear();
        coming_[port].clear();
    }
    stores_.clear();
    landing_.clear();
    stored_ = 0;
}
