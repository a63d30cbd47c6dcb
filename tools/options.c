/* Option tables on getopt_long: see options.h. */
#include "options.h"
#include "command.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { row_max = 32, first_long = 256, help_value = 255 };

const char *const octgemm_type_names[] = {"f32", "f16", "bf16", "i32", NULL};

int octgemm_parse_integer(const char *text, const char *end, int64_t low, int64_t high,
                          int64_t *out)
{
    int64_t value = 0;
    if (text == end)
        return 0;
    for (; text < end; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *text - '0', &value))
            return 0;
    }
    *out = value;
    return value >= low && value <= high;
}

static int print_help(const struct syntax *syntax)
{
    printf("Usage: octgemm %s [OPTION...]%s%s\n%s\n\n", syntax->command,
           *syntax->operands ? " " : "", syntax->operands, syntax->summary);
    for (size_t i = 0; i < syntax->row_count; i++) {
        const struct option_row *row = &syntax->rows[i];
        char left[64], letter[8] = "    ";
        if (row->letter)
            snprintf(letter, sizeof letter, "-%c, ", row->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
                 row->value ? row->value : "");
        printf("  %-37s%s\n", left, row->help);
    }
    printf("  %-37s%s\n", "-h, --help", "this text");
    return octgemm_flush_output();
}

static int bad_value(const struct syntax *syntax, const struct option_row *row, const char *text,
                     const char *wanted)
{
    return octgemm_complain("%s: --%s %s: %s", syntax->command, row->name, text, wanted);
}

static int bad_choice(const struct syntax *syntax, const struct option_row *row, const char *text)
{
    char wanted[128] = "want ";
    for (int i = 0; row->choices[i]; i++) {
        size_t length = strlen(wanted);
        const char *joint = i == 0 ? "" : row->choices[i + 1] ? ", " : " or ";
        snprintf(wanted + length, sizeof wanted - length, "%s%s", joint, row->choices[i]);
    }
    return bad_value(syntax, row, text, wanted);
}

static int set_value(const struct syntax *syntax, const struct option_row *row, const char *text,
                     void *out)
{
    void *member = (char *)out + row->offset;
    char wanted[128];
    switch (row->kind) {
    case OPTION_FLAG:
    case OPTION_CLEAR:
        *(int *)member = row->kind == OPTION_FLAG;
        return 0;
    case OPTION_TEXT:
        *(const char **)member = text;
        return 0;
    case OPTION_INTEGER:
        if (octgemm_parse_integer(text, text + strlen(text), row->low, row->high, member))
            return 0;
        snprintf(wanted, sizeof wanted, "want a whole number from %lld to %lld",
                 (long long)row->low, (long long)row->high);
        return bad_value(syntax, row, text, wanted);
    case OPTION_SECONDS: {
        char *end;
        double value = strtod(text, &end);
        if (end == text || *end || !(value > 0) || value > 86400)
            return bad_value(syntax, row, text, "want seconds, above 0 and at most 86400");
        *(double *)member = value;
        return 0;
    }
    case OPTION_CHOICE:
        for (int i = 0; row->choices[i]; i++)
            if (strcmp(row->choices[i], text) == 0) {
                *(int *)member = i;
                return 0;
            }
        return bad_choice(syntax, row, text);
    }
    return 0;
}

/* The option of this name, of `length` bytes, or of this letter; NULL when there is none. */
static const struct option_row *find_row(const struct syntax *syntax, const char *name,
                                         size_t length, char letter)
{
    for (size_t i = 0; i < syntax->row_count; i++) {
        const struct option_row *row = &syntax->rows[i];
        if (letter ? row->letter == letter
                   : strlen(row->name) == length && memcmp(row->name, name, length) == 0)
            return row;
    }
    return NULL;
}

static int unknown_option(const struct syntax *syntax, const char *word, const char *name,
                          size_t length, char letter)
{
    char commands[128] = "";
    for (size_t i = 0; syntax->others && syntax->others[i]; i++) {
        size_t used = strlen(commands);
        if (find_row(syntax->others[i], name, length, letter))
            snprintf(commands + used, sizeof commands - used, "%s%s", used ? ", " : "",
                     syntax->others[i]->command);
    }
    return octgemm_complain("%s: unknown option %s (%s%s%s--help lists those of %s)",
                            syntax->command, word, *commands ? "it belongs to " : "", commands,
                            *commands ? "; " : "", syntax->command);
}

/* What getopt_long() found wrong with a word that begins with "--". */
static int bad_long_option(const struct syntax *syntax, const char *word)
{
    const char *name = word + 2;
    size_t length = strcspn(name, "=");
    char names[256] = "";
    if (find_row(syntax, name, length, 0) || (length == 4 && memcmp(name, "help", length) == 0))
        return octgemm_complain("%s: option %s: it takes no value", syntax->command, word);
    for (size_t i = 0; i < syntax->row_count; i++) {
        size_t used = strlen(names);
        if (strncmp(syntax->rows[i].name, name, length) == 0)
            snprintf(names + used, sizeof names - used, "%s--%s", used ? ", " : "",
                     syntax->rows[i].name);
    }
    if (*names)
        return octgemm_complain("%s: option %s is the beginning of several: %s", syntax->command,
                                word, names);
    return unknown_option(syntax, word, name, length, 0);
}

int octgemm_parse_options(const struct syntax *syntax, int argc, char **argv, void *out,
                          int *operand)
{
    struct option longs[row_max + 2] = {{0}};
    char letters[2 * row_max + 4] = ":h";
    for (size_t i = 0; i < syntax->row_count; i++) {
        const struct option_row *row = &syntax->rows[i];
        longs[i] = (struct option){.name = row->name,
                                   .has_arg = row->value ? required_argument : no_argument,
                                   .val = first_long + (int)i};
        size_t length = strlen(letters);
        if (row->letter)
            snprintf(letters + length, sizeof letters - length, "%c%s", row->letter,
                     row->value ? ":" : "");
    }
    longs[syntax->row_count] = (struct option){.name = "help", .val = help_value};

    opterr = 0;
    for (int code; (code = getopt_long(argc, argv, letters, longs, NULL)) != -1;) {
        if (code == 'h' || code == help_value)
            return print_help(syntax);
        const struct option_row *row = NULL;
        for (size_t i = 0; i < syntax->row_count; i++)
            if (code == first_long + (int)i || (code && code == syntax->rows[i].letter))
                row = &syntax->rows[i];
        if (!row) {
            /* of letters in a row, argv has the whole, or the next, word */
            const char letter[] = {'-', (char)optopt, '\0'};
            int is_letter = optopt > 0 && optopt < help_value;
            if (code == ':')
                return octgemm_complain("%s: %s wants a value", syntax->command,
                                        is_letter ? letter : argv[optind - 1]);
            if (is_letter)
                return unknown_option(syntax, letter, "", 0, letter[1]);
            return bad_long_option(syntax, argv[optind - 1]);
        }
        int status = set_value(syntax, row, optarg, out);
        if (status)
            return status;
    }
    if (optind < argc && !*syntax->operands)
        return octgemm_complain("%s: what is \"%s\"? This command takes options only",
                                syntax->command, argv[optind]);
    *operand = optind;
    return -1;
}
