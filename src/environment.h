/* Reading the environment: one place, so that the rule "ignored in setuid programs" holds
 * everywhere. */
#ifndef OCTGEMM_ENVIRONMENT_H
#define OCTGEMM_ENVIRONMENT_H

/* The value of a variable, or NULL when it is unset, empty, or the program runs with raised
 * privileges. Called while a context is opened or devices are probed, never in run. */
const char *octgemm_environment(const char *name);

/* environment_<system>.c: the same, where an empty one is not NULL. */
const char *octgemm_environment_entry(const char *name);

#endif
