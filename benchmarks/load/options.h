/* What the command line asks for. */

#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MAX_PROCESSES 64

struct bytes {
    const char *data;
    size_t size;
};

struct options {
    int port;                  /* on 127.0.0.1 */
    int idle;                  /* connections that exchange one message and then only stay */
    int connections;           /* that are kept busy */
    int in_flight;             /* messages that each of them has under way, written together */
    bool binary;
    bool churn;                /* each of them ends after one batch, and a new one begins */
    struct bytes payload;      /* of each message */
    struct bytes compressed;   /* the same, deflated: what is sent; empty: no compression */
    double warm_up, seconds;   /* before and during the measurement */
    pid_t processes[MAX_PROCESSES]; /* whose CPU is measured */
    int process_count;
};

/* Fails if they make no sense. */
void read_options(int count, char **arguments, struct options *options);

#endif
