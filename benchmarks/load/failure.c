#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void fail_with_errno(const char *deed)
{
    const char *way_out = errno == EMFILE ? "; raise the limit of open files (ulimit -n)" : "";
    fail("cannot %s: %s%s", deed, strerror(errno), way_out);
}
