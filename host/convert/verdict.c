#include "convert/verdict.h"

double verdict_cost(const struct verdict *v, enum af_goal goal)
{
    switch (goal) {
    case AF_GOAL_LATENCY: return v->timesteps_mean;
    case AF_GOAL_EVENTS: return v->exit_sops;
    case AF_GOAL_ADDS: return v->exit_adds;
    default: return v->exit_spike_sops;
    }
}
