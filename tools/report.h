/* What every command says, and how: complaints on stderr, figures and JSON on stdout.
 *
 * Names that come from files are untrusted: everything printed for people goes through
 * octgemm_clean(), so that a tensor's name can neither break a line nor drive a terminal. */
#ifndef OCTGEMM_REPORT_H
#define OCTGEMM_REPORT_H

#include <jansson.h>
#include <stddef.h>

/* Prints "octgemm: ..." as one line on stderr; returns EXIT_INPUT. */
int octgemm_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same with octgemm_last_error() behind "doing: ". */
int octgemm_complain_library(const char *doing);

/* Copies text with control characters and other non-printable bytes as '?' (UTF-8 is kept);
 * returns out. */
const char *octgemm_clean(char *out, size_t size, const char *text);

/* Prints text as a field of CSV: clean, in quotes, and those in it doubled. */
void octgemm_print_csv_text(const char *text);

/* Writes out what was printed so far, for someone who watches; octgemm_flush_output() reports a
 * failure at the end. */
void octgemm_show_output(void);

/* Prints a line of many. A buffer that cannot be written when it is full is emptied all the same,
 * so what was wrong is kept here for octgemm_flush_output(). */
void octgemm_print_line(const char *text);

/* Writes out stdout's buffer; a full disk or a closed pipe is an error like any other. */
int octgemm_flush_output(void);

/* Prints the object on stdout and releases it. NULL means that there was no memory for it; where a
 * part of it had none, nothing is printed. */
int octgemm_print_json(json_t *object);

/* Called once, before anything else is done with JSON: from then on jansson's allocations are
 * watched. One that failed leaves a value out silently; octgemm_print_json() then complains, and so
 * may others who ask. */
void octgemm_watch_json(void);
int octgemm_json_starved(void);

/* A text that may not be UTF-8, as the name of a file: what is not becomes '?'. */
json_t *octgemm_json_text(const char *text);

/* A number, or null where JSON has none (infinity, NaN). */
json_t *octgemm_json_number(double value);

/* "12.3 us", "4.56 ms", "7.89 s". */
const char *octgemm_format_seconds(char *out, size_t size, double seconds);

/* Where weights come from in a benchmark. */
const char *octgemm_cache_name(int hot);

/* ", up to 8 threads", ", 1 thread", and of a GPU "". */
const char *octgemm_format_threads(char *out, size_t size, int threads);

/* "1.2.3", of the loaded library. */
const char *octgemm_format_version(char *out, size_t size);

/* "41.2 dB", "inf dB". */
const char *octgemm_format_decibel(char *out, size_t size, double decibel);

#endif
