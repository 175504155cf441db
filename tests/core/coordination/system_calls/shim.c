/* Lets the n-th write to the disk fail, as the system itself reports it. Loaded with LD_PRELOAD.
 *
 * Counted are calls that change a file whose path holds the text given to arm(), as far as they go through the C library. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char wanted[256];
static long countdown, counted;
static int error_number;

/* From now on the n-th call fails (n = 0: none, they are only counted). */
void shim_arm(const char *part, long n, int error) {
    strncpy(wanted, part, sizeof wanted - 1);
    countdown = n;
    counted = 0;
    error_number = error;
}

long shim_counted(void) { return counted; }

static int fails(int fd) {
    char link[64], path[4096];
    ssize_t length;
    if (!wanted[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!strstr(path, wanted)) return 0;
    counted++;
    if (counted != countdown) return 0;
    errno = error_number;
    return 1;
}

#define REAL(name, type) static type real; if (!real) real = (type)dlsym(RTLD_NEXT, #name)

typedef ssize_t (*write_type)(int, const void *, size_t);
ssize_t write(int fd, const void *data, size_t size) {
    REAL(write, write_type);
    return fails(fd) ? -1 : real(fd, data, size);
}

typedef ssize_t (*pwrite_type)(int, const void *, size_t, off64_t);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
    REAL(pwrite64, pwrite_type);
    return fails(fd) ? -1 : real(fd, data, size, at);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite, pwrite_type);
    return fails(fd) ? -1 : real(fd, data, size, at);
}

typedef int (*sync_type)(int);
int fsync(int fd) {
    REAL(fsync, sync_type);
    return fails(fd) ? -1 : real(fd);
}
int fdatasync(int fd) {
    REAL(fdatasync, sync_type);
    return fails(fd) ? -1 : real(fd);
}

typedef int (*truncate_type)(int, off64_t);
int ftruncate64(int fd, off64_t size) {
    REAL(ftruncate64, truncate_type);
    return fails(fd) ? -1 : real(fd, size);
}
int ftruncate(int fd, off_t size) {
    REAL(ftruncate, truncate_type);
    return fails(fd) ? -1 : real(fd, size);
}
