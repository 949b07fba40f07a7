/* Loaded by LD_PRELOAD: records, in one log and in their exact order, the operations of a process on the files of one
 * folder, and lets the n-th of a kind fail.
 *
 * POWER_FOLDER  the folder, canonical; POWER_LOG  where records are appended (its clients append marks to the same file)
 * POWER_FAULT   "<sync|write> <n> <errno> <times>": the n-th (from 1) and the `times` - 1 after it fail; errno 0 is a
 *               write of half the bytes. POWER_BLIND  if set, syncs of folders do nothing, and say they did.
 *
 * A record is written after the operation was done and before its caller hears of it, so whoever acts on it comes later.
 * Memory-mapped writes are not seen: only `-shm` has any. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

struct record { char what, pad[3]; int32_t error; uint64_t file, at, length; };

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX], parent[PATH_MAX], fault[16];
static int out = -1, blind, fault_errno, seen;
static int first, times = 1;

__attribute__((constructor)) static void begin(void) {
  const char *log = getenv("POWER_LOG"), *at = getenv("POWER_FOLDER"), *told = getenv("POWER_FAULT");
  if (!log || !at) return;
  snprintf(folder, sizeof folder, "%s", at);
  snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(at, '/') - at), at);
  if (told) sscanf(told, "%15s %d %d %d", fault, &first, &fault_errno, &times);
  blind = getenv("POWER_BLIND") != NULL;
  out = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (out < 0) abort();
}

static void emit(char what, int error, uint64_t file, uint64_t at, const void *bytes, size_t length) {
  struct record record = {what, {0}, error, file, at, length};
  struct iovec parts[2] = {{&record, sizeof record}, {(void *)bytes, length}};
  if (writev(out, parts, 2) != (ssize_t)(sizeof record + length)) abort();
}

/* The name below the folder; "" for the folder, "/" for its parent; NULL for everything else. */
static const char *below(const char *path) {
  size_t length = strlen(folder);
  if (out < 0 || !length) return NULL;
  if (!strcmp(path, parent)) return "/";
  if (strncmp(path, folder, length)) return NULL;
  return path[length] == '/' ? path + length + 1 : path[length] ? NULL : path + length;
}

static const char *name_of(int fd, char *path) {
  char link[40];
  if (out < 0) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return NULL;
  path[length] = 0;
  return below(path);
}

static uint64_t number(int fd) {
  struct stat stat;
  return fstat(fd, &stat) ? 0 : stat.st_ino;
}

/* Whether this call fails, and as what: an errno, 0 for half a write, -1 for no fault. */
static int strikes(const char *kind, const char *name) {
  if (strcmp(fault, kind)) return -1;
  seen++;
  if (seen < first || seen >= first + times) return -1;
  emit('f', fault_errno, 0, 0, name, strlen(name));
  return fault_errno;
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  char at[PATH_MAX];
  if (out < 0 || !(flags & O_CREAT) || !below(path)) return real(path, flags, mode);
  pthread_mutex_lock(&turn);
  int is_new = access(path, F_OK) != 0, fd = real(path, flags, mode), error = errno;
  const char *name = fd >= 0 && is_new ? name_of(fd, at) : NULL;
  if (name) emit('c', 0, number(fd), 0, name, strlen(name));
  pthread_mutex_unlock(&turn);
  errno = error;
  return fd;
}
#define OPEN(name) int name(const char *path, int flags, ...) { \
  va_list rest; va_start(rest, flags); mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; va_end(rest); \
  REAL(name); return opened(real, path, flags, mode); }
OPEN(open)
OPEN(open64)

typedef ssize_t writer(int, const void *, size_t, off_t);
static ssize_t written(const char *name, int fd, const void *bytes, size_t length, off_t at, writer *real) {
  pthread_mutex_lock(&turn);
  int struck = strikes("write", name), error = struck > 0 ? struck : 0;
  ssize_t done = struck > 0 ? -1 : real(fd, bytes, struck ? length : length - length / 2, at);
  if (done < 0 && !error) error = errno;
  emit('w', error, number(fd), at, bytes, done < 0 ? 0 : done);
  pthread_mutex_unlock(&turn);
  errno = error;
  return done;
}

static ssize_t (*plain)(int, const void *, size_t);
static ssize_t plain_at(int fd, const void *bytes, size_t length, off_t at) {
  (void)at;
  return plain(fd, bytes, length);
}

ssize_t write(int fd, const void *bytes, size_t length) {
  char path[PATH_MAX];
  struct stat stat;
  REAL(write);
  plain = real;
  const char *name = name_of(fd, path);
  if (!name || fstat(fd, &stat)) return real(fd, bytes, length);
  off_t at = fcntl(fd, F_GETFL) & O_APPEND ? stat.st_size : lseek(fd, 0, SEEK_CUR);
  return written(name, fd, bytes, length, at, plain_at);
}

#define PWRITE(name) ssize_t name(int fd, const void *bytes, size_t length, off_t at) { \
  char path[PATH_MAX]; REAL(name); \
  const char *below = name_of(fd, path); \
  return below ? written(below, fd, bytes, length, at, real) : real(fd, bytes, length, at); }
PWRITE(pwrite)
PWRITE(pwrite64)

static int resized(int (*real)(int, off_t), int fd, off_t length) {
  char path[PATH_MAX];
  if (!name_of(fd, path)) return real(fd, length);
  pthread_mutex_lock(&turn);
  int done = real(fd, length), error = errno;
  emit('t', done ? error : 0, number(fd), length, "", 0);
  pthread_mutex_unlock(&turn);
  errno = error;
  return done;
}
int ftruncate(int fd, off_t length) { REAL(ftruncate); return resized(real, fd, length); }
int ftruncate64(int fd, off_t length) { REAL(ftruncate64); return resized(real, fd, length); }

static int synced(int (*real)(int), int fd) {
  char path[PATH_MAX];
  const char *name = name_of(fd, path);
  if (!name) return real(fd);
  int is_folder = !*name || *name == '/';
  if (is_folder && blind) return 0;
  pthread_mutex_lock(&turn);
  int struck = strikes("sync", name), done = struck > 0 ? -1 : real(fd), error = struck > 0 ? struck : errno;
  emit(is_folder ? 'd' : 's', done ? error : 0, number(fd), 0, name, is_folder ? strlen(name) : 0);
  pthread_mutex_unlock(&turn);
  errno = error;
  return done;
}
int fsync(int fd) { REAL(fsync); return synced(real, fd); }
int fdatasync(int fd) { REAL(fdatasync); return synced(real, fd); }

int unlink(const char *path) {
  REAL(unlink);
  const char *name = below(path);
  if (!name) return real(path);
  pthread_mutex_lock(&turn);
  int done = real(path), error = errno;
  if (!done) emit('u', 0, 0, 0, name, strlen(name));
  pthread_mutex_unlock(&turn);
  errno = error;
  return done;
}

int rename(const char *from, const char *to) {
  char both[2 * PATH_MAX];
  REAL(rename);
  if (!below(from) || !below(to)) return real(from, to);
  pthread_mutex_lock(&turn);
  int done = real(from, to), error = errno;
  if (!done) emit('r', 0, 0, 0, both, snprintf(both, sizeof both, "%s/%s", below(from), below(to)));
  pthread_mutex_unlock(&turn);
  errno = error;
  return done;
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  int done = real(path, mode), error = errno;
  const char *name = below(path);
  if (!done && name && !*name) emit('m', 0, 0, 0, "", 0);
  errno = error;
  return done;
}
