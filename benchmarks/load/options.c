#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failure.h"

static struct bytes read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail_with_errno(path);
    size_t size = (size_t)ftell(file);
    char *data = malloc(size + 1);
    rewind(file);
    if (!data || fread(data, 1, size, file) != size)
        fail("cannot read %s", path);
    fclose(file);
    return (struct bytes){data, size};
}

static void read_processes(char *list, struct options *options)
{
    for (char *pid = strtok(list, ","); pid; pid = strtok(NULL, ",")) {
        if (options->process_count == MAX_PROCESSES)
            fail("more than %d processes", MAX_PROCESSES);
        options->processes[options->process_count++] = atoi(pid);
    }
}

static const struct option NAMES[] = {
    {"port", required_argument, NULL, 'p'},
    {"idle", required_argument, NULL, 'i'},
    {"connections", required_argument, NULL, 'c'},
    {"in-flight", required_argument, NULL, 'f'},
    {"binary", no_argument, NULL, 'b'},
    {"churn", no_argument, NULL, 'n'},
    {"payload", required_argument, NULL, 'm'},
    {"compressed", required_argument, NULL, 'z'},
    {"warm-up", required_argument, NULL, 'w'},
    {"seconds", required_argument, NULL, 's'},
    {"processes", required_argument, NULL, 'P'},
    {NULL, 0, NULL, 0},
};

static void read_option(int name, struct options *options)
{
    switch (name) {
    case 'p': options->port = atoi(optarg); break;
    case 'i': options->idle = atoi(optarg); break;
    case 'c': options->connections = atoi(optarg); break;
    case 'f': options->in_flight = atoi(optarg); break;
    case 'b': options->binary = true; break;
    case 'n': options->churn = true; break;
    case 'm': options->payload = read_file(optarg); break;
    case 'z': options->compressed = read_file(optarg); break;
    case 'w': options->warm_up = atof(optarg); break;
    case 's': options->seconds = atof(optarg); break;
    case 'P': read_processes(optarg, options); break;
    default: fail("see benchmarks/generator.py for the options");
    }
}

void read_options(int count, char **arguments, struct options *options)
{
    *options = (struct options){.in_flight = 1};
    for (int name; (name = getopt_long(count, arguments, "", NAMES, NULL)) != -1;)
        read_option(name, options);
    if (options->port <= 0 || options->port > 65535)
        fail("--port must be a TCP port");
    if (!options->payload.size)
        fail("--payload must be a file with what to send");
    if (options->idle < 0 || options->connections < 0 || options->in_flight < 1)
        fail("--idle, --connections and --in-flight count connections and messages");
}
