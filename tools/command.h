/* What a subcommand of octgemm is. main.c has the one table of them; each is one file.
 *
 * A command returns the exit status of the program: 0, EXIT_CHECK when something it checked is
 * wrong, EXIT_INPUT when it could not do its work (usage, a bad file, no such backend, no memory).
 */
#ifndef OCTGEMM_COMMAND_H
#define OCTGEMM_COMMAND_H

enum { EXIT_CHECK = 1, EXIT_INPUT = 2 };

int octgemm_info_command(int argc, char **argv);
int octgemm_run_command(int argc, char **argv);
int octgemm_demo_command(int argc, char **argv);
int octgemm_check_command(int argc, char **argv);
int octgemm_accuracy_command(int argc, char **argv);
int octgemm_bench_command(int argc, char **argv);
int octgemm_tensors_command(int argc, char **argv);

extern const struct syntax octgemm_info_syntax, octgemm_run_syntax, octgemm_demo_syntax,
    octgemm_check_syntax, octgemm_accuracy_syntax, octgemm_bench_syntax, octgemm_tensors_syntax;

/* All of them, ended by NULL. */
extern const struct syntax *const octgemm_syntaxes[];

#endif
