/* WebSocket frames (RFC 6455 section 5): a client's are written, a server's are read. */

#ifndef LOAD_FRAMES_H
#define LOAD_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

enum opcode { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

#define FIN 0x80
#define RSV1 0x40 /* the message is compressed (RFC 7692) */
#define OPCODE 0x0f

#define MAX_CONTROL_PAYLOAD 125
#define MAX_CLIENT_HEAD 14
#define MAX_SERVER_HEAD 10

/* Writes a masked frame to where there is room for its payload and MAX_CLIENT_HEAD; returns its
   size. `first` is FIN, RSV1 and the opcode. */
size_t write_frame(uint8_t *to, uint8_t first, struct bytes payload);

/* Reads the head of one frame of a server, of which any number of bytes may be there. */
struct head_reader {
    uint8_t bytes[MAX_SERVER_HEAD];
    uint8_t size;
};

/* Takes what belongs to the head; returns how many bytes that were. */
size_t head_take(struct head_reader *reader, const uint8_t *data, size_t size);

/* Tells whether the head is complete, and then how many bytes of payload follow it. */
bool head_is_complete(const struct head_reader *reader, uint64_t *length);

#endif
