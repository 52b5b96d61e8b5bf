/* Counts the calls that write below a folder, of this process and of those that it starts, and fails the one of a number: no space left.

   Preloaded (LD_PRELOAD) it stands before the system's own functions, for Python, delta-rs, Arrow and the JVM alike. FAILING_CALLS names a
   file that all of them share: what is asked for and what was counted. Its layout is that of `Control` in failing_calls.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct control { int number, count, failed; char folder[1012]; };
static struct control *shared;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAILING_CALLS");
    int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) shared = found;
}

static int is_below(const char *path) {
    return path && !strncmp(path, shared->folder, strlen(shared->folder));
}

static int fails(int is_there) {
    if (!is_there || __sync_add_and_fetch(&shared->count, 1) != shared->number) return 0;
    shared->failed = 1;
    errno = ENOSPC;
    return 1;
}

static int fails_path(const char *path) {
    return shared && shared->folder[0] && fails(is_below(path));
}

static int fails_open(const char *path, int flags) {
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) && fails_path(path);
}

static int fails_file(int fd) {
    char link[64], path[2048];
    if (!shared || !shared->folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return fails(is_below(path));
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define MODE va_list more; va_start(more, flags); mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; va_end(more)

int open(const char *path, int flags, ...) { MODE; REAL(open); return fails_open(path, flags) ? -1 : real(path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE; REAL(open64); return fails_open(path, flags) ? -1 : real(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE; REAL(openat); return fails_open(path, flags) ? -1 : real(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE; REAL(openat64); return fails_open(path, flags) ? -1 : real(at, path, flags, mode); }
ssize_t write(int fd, const void *data, size_t size) { REAL(write); return fails_file(fd) ? -1 : real(fd, data, size); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { REAL(pwrite); return fails_file(fd) ? -1 : real(fd, data, size, at); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { REAL(pwrite64); return fails_file(fd) ? -1 : real(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *data, int count) { REAL(writev); return fails_file(fd) ? -1 : real(fd, data, count); }
int fsync(int fd) { REAL(fsync); return fails_file(fd) ? -1 : real(fd); }
int fdatasync(int fd) { REAL(fdatasync); return fails_file(fd) ? -1 : real(fd); }
int rename(const char *from, const char *to) { REAL(rename); return fails_path(to) ? -1 : real(from, to); }
int renameat(int a, const char *from, int b, const char *to) { REAL(renameat); return fails_path(to) ? -1 : real(a, from, b, to); }
int link(const char *from, const char *to) { REAL(link); return fails_path(to) ? -1 : real(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) { REAL(linkat); return fails_path(to) ? -1 : real(a, from, b, to, flags); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return fails_path(path) ? -1 : real(path, mode); }
