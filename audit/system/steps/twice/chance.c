// Writes 100,000 equal bytes, then what the variable WHAT names.
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static FILE *out;

static int is(const char *what)
{
    return !strcmp(getenv("WHAT"), what);
}

static void ticks(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    fprintf(out, "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
}

int main(void)
{
    char path[4096];
    struct utsname names;
    struct stat file;
    unsigned random;
    cpu_set_t set;
    out = fopen("out/file", "w");
    for (int i = 0; i < 100000; i++)
        putc('=', out);
    if (is("clock"))
        ticks(CLOCK_MONOTONIC);
    if (is("boot"))
        ticks(CLOCK_BOOTTIME);
    if (is("date"))
        ticks(CLOCK_REALTIME);
    if (is("pid"))
        fprintf(out, "%d", getpid());
    if (is("cores") && !sched_getaffinity(0, sizeof set, &set))
        fprintf(out, "%d", CPU_COUNT(&set));
    if (is("path"))
        fputs(getcwd(path, sizeof path), out);
    if (is("user"))
        fprintf(out, "%u", getuid());
    if (is("host") && !uname(&names))
        fputs(names.nodename, out);
    if (is("random") && getrandom(&random, sizeof random, 0) > 0)
        fprintf(out, "%u", random);
    if (is("address"))
        fprintf(out, "%p", (void *)path);
    if (is("inode") && !stat("chance.c", &file))
        fprintf(out, "%lu", file.st_ino);
    if (is("age") && !stat("chance.c", &file))
        fprintf(out, "%lld.%09ld", (long long)file.st_mtime, file.st_mtim.tv_nsec);
    if (is("order")) {
        DIR *many = opendir("many");
        for (struct dirent *entry; (entry = readdir(many));)
            fprintf(out, "%s ", entry->d_name);
    }
    return fclose(out);
}
