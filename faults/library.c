/* What a machine can do to a process, for LD_PRELOAD: lose power, fail to sync, fill up, change time.
 *
 * Writes to the database go through, and into a journal of their own with the octets that were there
 * before. A sync that succeeds empties the journal of its file. So after a kill the journals hold what
 * was not synced, and `library.py` takes it back: what is left is what a disk would have kept.
 *
 *   FAULTS_DATABASE  path of the SQLite file; its WAL and rollback journal are watched too
 *   FAULTS_JOURNALS  folder of the journals
 *   FAULTS_CONTROL   file of `struct control`, which the runner changes while this runs
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { REAL = 0, LIE = 1, FAIL = 2 };
enum { WRITE = 1, TRUNCATE = 2 };
enum { NONE = 0, MAIN = 1, WAL = 2, ROLLBACK = 3, FILES = 4 };
enum { MOST_DESCRIPTORS = 4096 };

struct control {
    int32_t sync;            /* REAL, LIE: succeeds and syncs nothing, FAIL: EIO */
    int32_t failures_left;   /* with FAIL: syncs that fail before the next ones succeed; -1: all */
    int32_t full;            /* whether every write that makes a file longer fails with ENOSPC */
    int32_t sync_us;         /* how much longer a sync takes */
    int64_t clock_offset_ns; /* added to the wall clock */
    int64_t failed;          /* syncs that failed, or did nothing */
    int64_t synced;          /* syncs that succeeded */
};

struct record {
    int64_t kind, offset, size_before, old_length, new_length;
};

static const char *const suffixes[FILES] = {"", "", "-wal", "-journal"};
static struct control *control;
static unsigned char watched[MOST_DESCRIPTORS];
static int journals[FILES] = {-1, -1, -1, -1};
static int poisoned[FILES]; /* a sync failed: what was written before it never reaches the disk */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL_FUNCTION(name)           \
    static __typeof__(name) *real;    \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static int64_t real_size(int fd)
{
    struct stat status;
    return fstat(fd, &status) ? 0 : (int64_t)status.st_size;
}

static ssize_t real_pwrite(int fd, const void *data, size_t length, off64_t offset)
{
    REAL_FUNCTION(pwrite64);
    return real(fd, data, length, offset);
}

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("FAULTS_CONTROL");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED) control = page;
}

static int kind_of(const char *path)
{
    const char *database = getenv("FAULTS_DATABASE");
    if (!control || !database || !path) return NONE;
    size_t length = strlen(database);
    if (strncmp(path, database, length)) return NONE;
    for (int kind = MAIN; kind < FILES; kind++)
        if (!strcmp(path + length, suffixes[kind])) return kind;
    return NONE;
}

static int note_opened(int fd, const char *path)
{
    if (fd >= 0 && fd < MOST_DESCRIPTORS) watched[fd] = (unsigned char)kind_of(path);
    return fd;
}

static int kind_at(int fd)
{
    return fd >= 0 && fd < MOST_DESCRIPTORS ? watched[fd] : NONE;
}

static int journal_of(int kind)
{
    if (journals[kind] < 0) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%d", getenv("FAULTS_JOURNALS"), kind);
        journals[kind] = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (journals[kind] < 0) abort();
    }
    return journals[kind];
}

/* Notes a change before it is made, in one write. */
static void note(int kind, int fd, struct record record, const void *data)
{
    REAL_FUNCTION(writev);
    char *old = record.old_length ? malloc((size_t)record.old_length) : NULL;
    if (record.old_length) {
        ssize_t got = pread64(fd, old, (size_t)record.old_length, record.offset);
        record.old_length = got < 0 ? 0 : got;
    }
    struct iovec parts[3] = {{&record, sizeof record},
                             {old, (size_t)record.old_length},
                             {(void *)data, (size_t)record.new_length}};
    if (real(journal_of(kind), parts, 3) < 0) abort();
    free(old);
}

static ssize_t watched_pwrite(int kind, int fd, const void *data, size_t length, off64_t offset)
{
    pthread_mutex_lock(&lock);
    int64_t size = real_size(fd), end = offset + (int64_t)length;
    ssize_t written = -1;
    if (control->full && end > size) {
        errno = ENOSPC;
    } else {
        int64_t old = offset >= size ? 0 : (end < size ? end : size) - offset;
        struct record record = {WRITE, offset, size, old, (int64_t)length};
        note(kind, fd, record, data);
        written = real_pwrite(fd, data, length, offset);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset)
{
    int kind = kind_at(fd);
    if (!kind) return real_pwrite(fd, data, length, offset);
    return watched_pwrite(kind, fd, data, length, offset);
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset)
{
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length)
{
    REAL_FUNCTION(write);
    int kind = kind_at(fd);
    if (!kind) return real(fd, data, length);
    off64_t offset = lseek64(fd, 0, SEEK_CUR);
    ssize_t written = watched_pwrite(kind, fd, data, length, offset);
    if (written > 0) lseek64(fd, offset + written, SEEK_SET);
    return written;
}

int ftruncate64(int fd, off64_t length)
{
    REAL_FUNCTION(ftruncate64);
    int kind = kind_at(fd);
    if (!kind) return real(fd, length);
    pthread_mutex_lock(&lock);
    int64_t size = real_size(fd);
    struct record record = {TRUNCATE, length, size, size > length ? size - length : 0, 0};
    note(kind, fd, record, NULL);
    int result = real(fd, length);
    pthread_mutex_unlock(&lock);
    return result;
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int watched_sync(int kind, int (*real)(int), int fd)
{
    pthread_mutex_lock(&lock);
    int result = 0;
    if (control->sync_us) usleep((useconds_t)control->sync_us);
    if (control->sync == LIE) {
        control->failed++;
    } else if (control->sync == FAIL && control->failures_left) {
        if (control->failures_left > 0) control->failures_left--;
        control->failed++;
        poisoned[kind] = 1;
        errno = EIO;
        result = -1;
    } else {
        result = real(fd);
        control->synced++;
        if (!result && !poisoned[kind] && ftruncate64(journal_of(kind), 0)) abort();
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

int fsync(int fd)
{
    REAL_FUNCTION(fsync);
    int kind = kind_at(fd);
    return kind ? watched_sync(kind, real, fd) : real(fd);
}

int fdatasync(int fd)
{
    REAL_FUNCTION(fdatasync);
    int kind = kind_at(fd);
    return kind ? watched_sync(kind, real, fd) : real(fd);
}

#define OPEN(name)                                                  \
    int name(const char *path, int flags, ...)                      \
    {                                                               \
        REAL_FUNCTION(name);                                        \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        mode_t mode = va_arg(rest, mode_t);                         \
        va_end(rest);                                               \
        return note_opened(real(path, flags, mode), path);          \
    }
OPEN(open)
OPEN(open64)

int close(int fd)
{
    REAL_FUNCTION(close);
    if (fd >= 0 && fd < MOST_DESCRIPTORS) watched[fd] = NONE;
    return real(fd);
}

/* Time */

static int64_t offset_ns(void) { return control ? control->clock_offset_ns : 0; }

int clock_gettime(clockid_t clock, struct timespec *at)
{
    REAL_FUNCTION(clock_gettime);
    int result = real(clock, at);
    int64_t offset = offset_ns();
    if (!result && offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t ns = (int64_t)at->tv_sec * 1000000000 + at->tv_nsec + offset;
        at->tv_sec = ns / 1000000000;
        at->tv_nsec = ns % 1000000000;
    }
    return result;
}

int gettimeofday(struct timeval *at, void *zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *at)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
