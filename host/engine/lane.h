/* A lane is one inference under way in an engine and belongs to one thread. Neurons are laid out
 * position by position: neuron (c, y, x) is element (y * width + x) * lane_stride(p) + c. */
#ifndef ADAFIRE_LANE_H
#define ADAFIRE_LANE_H

#include "engine/activity.h"
#include "engine/engine.h"

struct lane;
struct team;

int lane_make(const struct engine *engine, struct lane **lane);
void lane_free(struct lane *lane);
/* Bytes that one lane takes. */
size_t lane_size(const struct engine *engine);

/* The lane's inferences are shared by the threads of a team, population by population, where that
 * pays; lane_step is called by the team's owner. NULL: no longer. AF_NO_MEMORY. */
int lane_share(struct lane *lane, struct team *team);
/* An inference takes at most `steps` timesteps (0, at first: it is not known), after the last of
 * which nobody asks for the potentials of populations that fire; lane_activity is wanted of no
 * population, of the first one of lane_begin, or of all (at first). For the inferences to come. */
void lane_plan(struct lane *lane, int steps, enum counted counted);
/* Starts an inference for the populations first .. last (the others are not touched). counts: the
 * analog input, [channels][height][width], which stays as it is while the inference is under way;
 * NULL if the input comes step by step. It is needed only if one of the populations reads the
 * input. */
void lane_begin(struct lane *lane, int first, int last, const int16_t *counts);
/* The same, but neurons begin with the potentials that they have from the inference before, which
 * was of the same populations and of unknown length (lane_plan). What relays and signed bursts have
 * sent counts from 0 all the same: it has bounds that only one inference keeps. */
void lane_go_on(struct lane *lane, int first, int last, const int16_t *counts);
/* The input events of the coming timestep (event inputs only), which stay as they are during it. */
void lane_input(struct lane *lane, const int16_t *counts);
/* One timestep of the populations first .. last, in order. */
void lane_step(struct lane *lane, int first, int last);

int lane_stride(const struct engine *engine, int population);
/* [positions][stride] what the population sent in the last timestep; may be pointed elsewhere (a
 * recording of the same layout) with lane_set_events, NULL points it back. */
const int16_t *lane_events(struct lane *lane, int population);
void lane_set_events(struct lane *lane, int population, const int16_t *events);
/* [positions][stride] potentials; of an output population its accumulated sums. */
const int32_t *lane_potentials(const struct lane *lane, int population);

/* What a population did since lane_begin, if engine_count was called and lane_plan asks for it. */
const struct activity *lane_activity(const struct lane *lane, int population);

#endif
