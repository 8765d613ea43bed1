#include "convert/verdict.h"

double verdict_cost(const struct verdict *v, enum goal goal)
{
    switch (goal) {
    case GOAL_LATENCY: return v->timesteps_mean;
    case GOAL_EVENTS: return v->exit_sops;
    default: return v->exit_spike_sops;
    }
}
