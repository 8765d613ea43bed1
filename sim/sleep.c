/* XRT 2.13's emulation waits with sleep(): ten seconds when it loads, one in every wait. Loaded in
 * front of the C library, this makes them short; XRT itself stays as it is. */
#include <unistd.h>

unsigned int sleep(unsigned int seconds)
{
    usleep(seconds ? 2000 : 0);
    return 0;
}
