/* Output that is complete or absent: see output_file.h. */
#include "output_file.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const int deadly[] = {SIGHUP, SIGINT, SIGTERM};
enum { deadly_count = sizeof deadly / sizeof *deadly };

/* What the signal handler removes; "" = nothing. Changed only while the signals are blocked. */
static char doomed[PATH_MAX];

static void remove_and_die(int number)
{
    if (doomed[0])
        unlink(doomed);
    signal(number, SIG_DFL);
    raise(number);
}

static void set_doomed(const char *path)
{
    sigset_t set, before;
    sigemptyset(&set);
    for (size_t i = 0; i < deadly_count; i++)
        sigaddset(&set, deadly[i]);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    snprintf(doomed, sizeof doomed, "%s", path);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void handle_signals(void)
{
    for (size_t i = 0; i < deadly_count; i++) {
        struct sigaction old, new = {.sa_handler = remove_and_die};
        sigemptyset(&new.sa_mask);
        /* nohup and background jobs ignore some of these; that stays so */
        if (sigaction(deadly[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(deadly[i], &new, NULL);
    }
    signal(SIGXFSZ, SIG_IGN); /* a limit of file size is an error of write() */
}

static int cannot_write(const char *path, int error)
{
    return octgemm_complain("%s: cannot be written: %s", path, strerror(error));
}

/* mkstemp() makes files private; give the rights any other new file would get, or those of the file
 * that is replaced, and its owner where that may be. */
static void set_rights(int descriptor, const struct stat *replaced)
{
    mode_t mask = umask(0);
    umask(mask);
    mode_t mode = 0666 & ~mask;
    if (replaced) /* what its group may, another may not */
        mode = replaced->st_mode &
               (fchown(descriptor, replaced->st_uid, replaced->st_gid) == 0 ? 0777 : 0707);
    (void)fchmod(descriptor, mode);
}

int octgemm_open_output(struct output_file *file, const char *path)
{
    struct stat about;
    *file = (struct output_file){.path = path, .descriptor = -1};
    int error = stat(path, &about) == 0 ? 0 : errno;
    int exists = error == 0;
    if (!exists && lstat(path, &about) == 0)
        return cannot_write(path, error); /* a link to nothing, not a file to replace */
    if (exists && S_ISDIR(about.st_mode))
        return cannot_write(path, EISDIR);
    if (exists && !S_ISREG(about.st_mode)) {
        file->descriptor = open(path, O_WRONLY | O_CLOEXEC);
        return file->descriptor < 0 ? cannot_write(path, errno) : 0;
    }
    if (exists && access(path, W_OK) != 0)
        return cannot_write(path, errno);
    /* an existing file is replaced where it is, behind any symbolic link */
    if (!exists || !realpath(path, file->target)) {
        if (strlen(path) >= sizeof file->target)
            return cannot_write(path, ENAMETOOLONG);
        strcpy(file->target, path);
    }
    if ((size_t)snprintf(file->temporary, sizeof file->temporary, "%s.XXXXXX", file->target) >=
        sizeof file->temporary)
        return cannot_write(path, ENAMETOOLONG);
    handle_signals();
    file->descriptor = mkstemp(file->temporary);
    if (file->descriptor < 0)
        return cannot_write(path, errno);
    set_doomed(file->temporary);
    set_rights(file->descriptor, exists ? &about : NULL);
    return 0;
}

void octgemm_write_output(struct output_file *file, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0 && !file->error) {
        ssize_t written = write(file->descriptor, at, bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            file->error = written < 0 ? errno : EIO;
            return;
        }
        at += written;
        bytes -= (size_t)written;
    }
}

void octgemm_discard_output(struct output_file *file)
{
    close(file->descriptor);
    if (file->temporary[0])
        unlink(file->temporary);
    set_doomed("");
}

int octgemm_close_output(struct output_file *file)
{
    int renames = file->temporary[0] != '\0';
    if (!file->error && renames && fsync(file->descriptor) != 0 && errno != EINVAL)
        file->error = errno;
    if (close(file->descriptor) != 0 && !file->error)
        file->error = errno;
    if (!file->error && renames && rename(file->temporary, file->target) != 0)
        file->error = errno;
    if (file->error && renames)
        unlink(file->temporary);
    set_doomed("");
    return file->error ? cannot_write(file->path, file->error) : 0;
}
