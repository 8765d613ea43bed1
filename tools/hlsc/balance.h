/* Sums of many terms become trees: a + b + c + d is (a + b) + (c + d), half as deep. What comes
 * last, above all what one round of a loop hands to the next, is added last. So are and, or, xor.
 */
#ifndef HLSC_BALANCE_H
#define HLSC_BALANCE_H
#include "process.h"

void balance(struct process *p);
#endif
