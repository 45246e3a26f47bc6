/*
 * The wall clock of a program under test runs ahead of the system's, by as many milliseconds as the file says that
 * RUNAS_TEST_CLOCK names: a test moves time on, where a program would otherwise have to be waited for in earnest. The
 * monotonic clock, by which timeouts are measured, stays as it is. Preloaded by `clock.rs`.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *ahead_ms;

__attribute__((constructor)) static void map_file(void) {
    const char *name = getenv("RUNAS_TEST_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *ahead_ms, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        ahead_ms = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    if (syscall(SYS_clock_gettime, clock, at) != 0)
        return -1;
    if (clock == CLOCK_REALTIME && ahead_ms) {
        int64_t ms = *ahead_ms, ns = at->tv_nsec + ms % 1000 * 1000000;
        at->tv_sec += ms / 1000 + ns / 1000000000;
        at->tv_nsec = ns % 1000000000;
    }
    return 0;
}
