/* In a program that runs with more rights than its caller (AT_SECURE: setuid, setgid, file
 * capabilities), the environment decides nothing. The program copies itself to a file that is
 * another user's and setuid, and runs that: so it needs root, and is skipped without. */
#define _GNU_SOURCE
#include "octgemm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { skipped = 77, nobody = 65534 };

/* Each would change or break octgemm_open(). */
static const char *const settings[][2] = {
    {"OCTGEMM_BACKEND", "no such backend"},
    {"OCTGEMM_CPU", "no such instruction set"},
    {"OCTGEMM_KERNEL", "no such kernel"},
};
enum { setting_count = sizeof settings / sizeof *settings };

/* Exit status 0: the context is the one that no environment gives. */
static int open_here(void)
{
    octgemm_ctx *ctx;
    octgemm_status status = octgemm_open(&ctx, NULL, 0);
    if (status != OCTGEMM_OK) {
        printf("octgemm_open: %s\n", octgemm_last_error());
        return 1;
    }
    octgemm_close(&ctx);
    return 0;
}

static int copy_self(const char *path)
{
    char block[65536];
    ssize_t got = 0;
    int from = open("/proc/self/exe", O_RDONLY), to = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
    while (from >= 0 && to >= 0 && (got = read(from, block, sizeof block)) > 0)
        if (write(to, block, (size_t)got) != got)
            return 0;
    /* the owner first: a change of owner takes the setuid bit away */
    int good = from >= 0 && to >= 0 && got == 0 && fchown(to, nobody, nobody) == 0 &&
               fchmod(to, 04755) == 0;
    close(from);
    close(to);
    return good;
}

/* Exit status of a program with one variable set, -1 when it did not run. */
static int run(const char *program, const char *const setting[2])
{
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        setenv(setting[0], setting[1], 1);
        execl(program, program, "open", (char *)NULL);
        _exit(skipped);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : -1;
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) { /* the child: `open`. No leak checker at the end, which may not look at it. */
        int status = geteuid() == nobody && !getauxval(AT_SECURE) ? skipped : open_here();
        fflush(NULL);
        _exit(status);
    }
    if (geteuid() != 0) {
        printf("SKIP: needs root, to make a program setuid\n");
        return skipped;
    }
    char folder[] = "/var/tmp/octgemm-secure-XXXXXX", program[64];
    int failed = 0;
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
        return skipped;
    snprintf(program, sizeof program, "%s/program", folder);
    int ready = copy_self(program);
    for (int i = 0; i < setting_count && ready; i++) {
        int plain = run("/proc/self/exe", settings[i]), secure = run(program, settings[i]);
        printf("%s: exit status %d, setuid %d\n", settings[i][0], plain, secure);
        ready = secure != skipped && secure != 127; /* nosuid, or its library is not found */
        failed |= ready && (plain != 1 || secure != 0);
    }
    unlink(program);
    rmdir(folder);
    if (!ready)
        printf("SKIP: a setuid copy cannot be run here\n");
    return ready ? failed : skipped;
}
