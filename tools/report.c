/* Complaints, figures and JSON: see report.h. */
#include "report.h"
#include "command.h"
#include "octgemm.h"
#include "progress.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *octgemm_clean(char *out, size_t size, const char *text)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++) {
        unsigned char c = (unsigned char)text[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : text[i];
        /* C1 controls are U+0080 to U+009F: C2 80 to C2 9F in UTF-8. */
        if (i > 0 && (unsigned char)text[i - 1] == 0xc2 && c >= 0x80 && c < 0xa0)
            out[i - 1] = out[i] = '?';
    }
    out[i] = '\0';
    return out;
}

void octgemm_print_csv_text(const char *text)
{
    char clean[1024];
    putchar('"');
    for (const char *at = octgemm_clean(clean, sizeof clean, text); *at; at++) {
        if (*at == '"')
            putchar('"');
        putchar(*at);
    }
    putchar('"');
}

int octgemm_complain(const char *format, ...)
{
    char text[1024], clean[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    octgemm_progress_pause();
    fprintf(stderr, "octgemm: %s\n", octgemm_clean(clean, sizeof clean, text));
    return EXIT_INPUT;
}

int octgemm_complain_library(const char *doing)
{
    return octgemm_complain("%s: %s", doing, octgemm_last_error());
}

static int output_error; /* errno of the first failure: later ones only say that there was one */

void octgemm_show_output(void)
{
    errno = 0;
    if (fflush(stdout) != 0 && !output_error)
        output_error = errno;
}

void octgemm_print_line(const char *text)
{
    errno = 0;
    if (puts(text) < 0 && !output_error)
        output_error = errno;
}

int octgemm_flush_output(void)
{
    octgemm_show_output();
    if (!output_error && !ferror(stdout))
        return 0;
    return octgemm_complain("cannot write the report: %s",
                            output_error ? strerror(output_error) : "output error");
}

static int starved;

static void *allocate_json(size_t bytes)
{
    void *memory = malloc(bytes);
    starved |= !memory;
    return memory;
}

void octgemm_watch_json(void)
{
    json_set_alloc_funcs(allocate_json, free);
}

int octgemm_json_starved(void)
{
    return starved;
}

int octgemm_print_json(json_t *object)
{
    if (!object || starved) {
        json_decref(object);
        return octgemm_complain("no memory for the report");
    }
    octgemm_progress_pause();
    int failed = json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    json_decref(object);
    putchar('\n');
    int status = octgemm_flush_output();
    if (status || !failed)
        return status;
    return octgemm_complain(starved ? "no memory for the report" : "cannot write the report");
}

/* Bytes of the character at `at`, or 0 where there is none. */
static size_t character(const char *at)
{
    size_t left = strlen(at);
    for (size_t bytes = 1; bytes <= 4 && bytes <= left; bytes++) {
        json_t *json = json_stringn(at, bytes);
        json_decref(json);
        if (json)
            return bytes;
    }
    return 0;
}

json_t *octgemm_json_text(const char *text)
{
    json_t *json = json_string(text);
    char *copy = json ? NULL : strdup(text);
    if (!copy)
        return json;
    for (char *at = copy; *at;) {
        size_t bytes = character(at);
        if (bytes == 0)
            *at = '?';
        at += bytes == 0 ? 1 : bytes;
    }
    json = json_string(copy);
    free(copy);
    return json;
}

json_t *octgemm_json_number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

const char *octgemm_format_seconds(char *out, size_t size, double seconds)
{
    static const struct {
        double below, factor;
        const char *unit;
    } units[] = {{1e-3, 1e6, "us"}, {1, 1e3, "ms"}, {INFINITY, 1, "s"}};
    size_t i = 0;
    while (seconds >= units[i].below)
        i++;
    double value = seconds * units[i].factor;
    snprintf(out, size, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[i].unit);
    return out;
}

const char *octgemm_cache_name(int hot)
{
    return hot ? "hot" : "cold";
}

const char *octgemm_format_threads(char *out, size_t size, int threads)
{
    *out = '\0';
    if (threads > 0)
        snprintf(out, size, threads > 1 ? ", up to %d threads" : ", %d thread", threads);
    return out;
}

const char *octgemm_format_version(char *out, size_t size)
{
    unsigned v = octgemm_version();
    snprintf(out, size, "%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
    return out;
}

const char *octgemm_format_decibel(char *out, size_t size, double decibel)
{
    if (isfinite(decibel))
        snprintf(out, size, "%.1f dB", decibel);
    else
        snprintf(out, size, "%s dB", decibel > 0 ? "inf" : "-inf");
    return out;
}
