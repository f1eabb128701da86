/* The end of a run that cannot go on: a sentence on stderr, and exit code 1. */

#ifndef LOAD_FAILURE_H
#define LOAD_FAILURE_H

__attribute__((format(printf, 1, 2), noreturn)) void fail(const char *format, ...);

/* Fails with what errno says. */
__attribute__((noreturn)) void fail_with_errno(const char *deed);

#endif
