/* The process that the library lives in: whether this is still it, and what its signal handlers are. */
#ifndef TASKER_GUARD_H
#define TASKER_GUARD_H

#include <signal.h>

/* 1 in the process that loaded the library, 0 in its forked children. */
int tkc_alive(void);

/* Those signals whose handlers are the host's, and run on its threads only. */
extern sigset_t tkc_host_signals;

/* Notes that a call has entered the core. */
void tkc_entered(void);

#endif
