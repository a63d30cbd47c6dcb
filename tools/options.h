/* Options of a command as a table: parsing (getopt_long), range checks and --help come from it. */
#ifndef OCTGEMM_OPTIONS_H
#define OCTGEMM_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,    /* int, set to 1 */
    OPTION_CLEAR,   /* int, set to 0 */
    OPTION_TEXT,    /* const char * */
    OPTION_INTEGER, /* int64_t within [low, high] */
    OPTION_SECONDS, /* double, > 0, at most 86400 */
    OPTION_CHOICE   /* int: the index of the word in choices */
};

/* A table gives the first four in this order, as --help has them, and the rest by name. */
struct option_row {
    const char *name;
    char letter;       /* 0 = no short form */
    const char *value; /* how --help calls the value; NULL for flags */
    const char *help;
    enum option_kind kind;
    size_t offset;              /* where the value goes in the command's own struct */
    int64_t low, high;          /* OPTION_INTEGER */
    const char *const *choices; /* OPTION_CHOICE: ended by NULL */
};

struct syntax {
    const char *command;
    const char *operands; /* "" = none allowed; shown in --help */
    const char *summary;  /* what --help says first */
    const struct option_row *rows;
    size_t row_count;
    const struct syntax *const *others; /* every command's, ended by NULL: whose an unknown option
                                           is. NULL = there are none. */
};

/* Parses into `out`. Returns -1 to go on, with *operand the index of the first operand in argv;
 * otherwise the exit status to leave with (0 after --help). */
int octgemm_parse_options(const struct syntax *syntax, int argc, char **argv, void *out,
                          int *operand);

/* A whole decimal number within [low, high] at `text`, up to `end`. Returns 0 when it is not one.
 */
int octgemm_parse_integer(const char *text, const char *end, int64_t low, int64_t high,
                          int64_t *out);

/* The words of --d-type; the index is the octgemm_type. */
extern const char *const octgemm_type_names[];

#endif
