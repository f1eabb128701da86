/* One connection: connects, does the handshake, sends messages and checks their echoes. */

#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "frames.h"
#include "histogram.h"

enum role {
    IDLE,  /* one message, then it only stays, and answers pings */
    BUSY,  /* one batch of messages after the other */
    CHURN, /* one batch, then the closing handshake, then anew */
};

enum state { CONNECTING, IN_HANDSHAKE, OPEN, CLOSING, ENDING };

/* What all connections have in common. */
struct plan {
    int port;
    int epoll;
    struct bytes request;     /* the opening handshake */
    struct bytes message;     /* the frame of one message */
    struct bytes batch;       /* the frames of as many as are under way at a time */
    struct bytes close;       /* the close frame */
    struct bytes payload;     /* what comes back, unless it is compressed */
    uint32_t in_flight;
    bool compression;         /* must be agreed on */
    uint8_t opcode;           /* of the messages: TEXT or BINARY */
};

/* What connections have come to. */
struct tally {
    uint64_t opened;          /* IDLE connections that have their echo, others after the handshake */
    uint64_t done;            /* messages that came back, or with CHURN connections that ended */
    uint64_t compressed;      /* messages that came back compressed */
    struct histogram times;   /* of them, in nanoseconds */
    struct bytes sample;      /* the first compressed payload that came back */
};

struct connection {
    int fd;
    enum role role;
    enum state state;
    uint32_t awaited;         /* echoes of this batch that are not here yet */
    uint64_t began;           /* when the batch was written, or with CHURN the connection begun */
    struct bytes unsent;
    char *head;               /* the answer to the handshake, while it comes */
    uint16_t head_size;
    struct head_reader frame; /* the head of the frame that is being read */
    uint8_t first;            /* the first byte of the first frame of this message */
    uint64_t left;            /* bytes of the frame's payload that are not here yet */
    uint64_t offset;          /* bytes of the message that have come */
    uint8_t control[MAX_CONTROL_PAYLOAD];
};

void connection_begin(struct connection *connection, enum role role, const struct plan *plan);

/* Does what the events of epoll allow to be done. */
void connection_go_on(struct connection *connection, uint32_t events, const struct plan *plan,
                      struct tally *tally);

#endif
