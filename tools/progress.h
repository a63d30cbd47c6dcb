/* A line on stderr that says what is being done, for work of more than a second on a terminal.
 * Where stderr is not a terminal all of this does nothing. */
#ifndef OCTGEMM_PROGRESS_H
#define OCTGEMM_PROGRESS_H

#include <stdint.h>

void octgemm_progress_start(void);
void octgemm_progress_stop(void);

/* What is being done now. total 0 where how far it is cannot be told. */
void octgemm_progress_step(const char *doing, int64_t total);

/* `done` more of the step's total; from any thread. */
void octgemm_progress_add(int64_t done);

/* Wipes the line off the terminal before something else is printed, until octgemm_progress_resume()
 * or the next step. */
void octgemm_progress_pause(void);
void octgemm_progress_resume(void);

#endif
