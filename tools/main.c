/* The command octgemm: one table of subcommands. */
#include "command.h"
#include "progress.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"info", octgemm_info_command,
     "every backend, device and kernel, and why it can be used or not"},
    {"demo", octgemm_demo_command, "a Llama-shaped layer, made up, quantised and multiplied"},
    {"run", octgemm_run_command, "weights from a file: quantise, multiply, report speed and error"},
    {"tensors", octgemm_tensors_command, "what a .safetensors or .npy file holds"},
    {"check", octgemm_check_command, "the accuracy suite on this machine; the exit status tells"},
    {"accuracy", octgemm_accuracy_command, "what quantisation costs, in decibels"},
    {"bench", octgemm_bench_command, "verify, then time, the shapes of a model or your own"},
};
enum { command_count = sizeof commands / sizeof *commands };

const struct syntax *const octgemm_syntaxes[] = {
    &octgemm_info_syntax,  &octgemm_demo_syntax,     &octgemm_run_syntax,   &octgemm_tensors_syntax,
    &octgemm_check_syntax, &octgemm_accuracy_syntax, &octgemm_bench_syntax, NULL,
};

static int help(void)
{
    printf("Usage: octgemm COMMAND [OPTION...]\n"
           "Exact int8 (W8A8) matrix multiplication on CPUs, NVIDIA GPUs and AMD GPUs.\n\n");
    for (size_t i = 0; i < command_count; i++)
        printf("  %-9s%s\n", commands[i].name, commands[i].help);
    printf("\n\"octgemm COMMAND --help\" lists a command's options; octgemm(1) has it all.\n"
           "Exit status: 0 done, 1 a check failed, 2 wrong usage or input.\n");
    return octgemm_flush_output();
}

static int version(void)
{
    char text[32];
    printf("octgemm %s\n", octgemm_format_version(text, sizeof text));
    return octgemm_flush_output();
}

int main(int argc, char **argv)
{
    octgemm_watch_json();
    if (argc < 2)
        return octgemm_complain("no command given; \"octgemm --help\" lists them");
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0)
        return help();
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return version();
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(name, commands[i].name) != 0)
            continue;
        octgemm_progress_start();
        int status = commands[i].run(argc - 1, argv + 1);
        octgemm_progress_stop();
        return status;
    }
    return octgemm_complain("no command is called \"%s\"; \"octgemm --help\" lists them", name);
}
