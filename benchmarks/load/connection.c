#define _GNU_SOURCE
#include "connection.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "failure.h"
#include "sockets.h"

#define MAX_HEAD 4096
#define RECEIVE_SIZE (256 * 1024)

/* The answer to the key that every request has (RFC 6455 section 1.3). */
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

void connection_begin(struct connection *connection, enum role role, const struct plan *plan)
{
    *connection = (struct connection){.role = role, .state = CONNECTING, .began = now()};
    connection->fd = connecting_socket(plan->port);
    struct epoll_event event = {
        .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
        .data.ptr = connection,
    };
    if (epoll_ctl(plan->epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        fail_with_errno("watch a socket");
}

/* Sending. */

static void send_unsent(struct connection *connection)
{
    struct bytes *unsent = &connection->unsent;
    while (unsent->size) {
        ssize_t sent = send(connection->fd, unsent->data, unsent->size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN)
            return;
        if (sent < 0)
            fail_with_errno("send");
        unsent->data += sent;
        unsent->size -= (size_t)sent;
    }
}

static void send_all(struct connection *connection, struct bytes data)
{
    if (connection->unsent.size)
        fail("the server answered a message that was not sent yet");
    connection->unsent = data;
    send_unsent(connection);
}

static void send_batch(struct connection *connection, const struct plan *plan)
{
    bool one = connection->role == IDLE;
    connection->awaited = one ? 1 : plan->in_flight;
    if (connection->role != CHURN)
        connection->began = now();
    send_all(connection, one ? plan->message : plan->batch);
}

static void answer_ping(struct connection *connection, size_t size)
{
    uint8_t pong[MAX_CLIENT_HEAD + MAX_CONTROL_PAYLOAD];
    struct bytes payload = {(const char *)connection->control, size};
    size_t length = write_frame(pong, FIN | PONG, payload);
    /* In the midst of a message there is no place for it; the server hears from us anyway. */
    if (!connection->unsent.size && send(connection->fd, pong, length, MSG_NOSIGNAL) < 0)
        fail_with_errno("send a pong");
}

/* Receiving. */

static void message_has_come(struct connection *connection, const struct plan *plan,
                             struct tally *tally)
{
    if (!connection->awaited)
        fail("a message came that nobody asked for");
    connection->awaited--;
    if (connection->role == BUSY) {
        tally->done++;
        histogram_add(&tally->times, now() - connection->began, 1);
    }
    if (connection->awaited)
        return;
    if (connection->role == BUSY) {
        send_batch(connection, plan);
    } else if (connection->role == IDLE) {
        tally->opened++;
    } else {
        connection->state = CLOSING;
        send_all(connection, plan->close);
    }
}

static void keep_sample(const struct connection *connection, const uint8_t *data, size_t size,
                        struct tally *tally)
{
    struct bytes *sample = &tally->sample;
    if (tally->compressed || sample->size != connection->offset)
        return;
    char *longer = realloc((char *)sample->data, sample->size + size + 1);
    if (!longer)
        fail_with_errno("keep a sample");
    memcpy(longer + sample->size, data, size);
    *sample = (struct bytes){longer, sample->size + size};
}

static void take_payload(struct connection *connection, const uint8_t *data, size_t size,
                         const struct plan *plan, struct tally *tally)
{
    if (connection->first & RSV1) {
        keep_sample(connection, data, size, tally);
    } else {
        if (connection->offset + size > plan->payload.size)
            fail("a message came back longer than it was sent");
        if (memcmp(plan->payload.data + connection->offset, data, size) != 0)
            fail("a message came back with another payload");
    }
    connection->offset += size;
}

static void data_frame_ends(struct connection *connection, const struct plan *plan,
                            struct tally *tally)
{
    if (!(connection->frame.bytes[0] & FIN))
        return;
    if (connection->first & RSV1)
        tally->compressed++;
    else if (connection->offset != plan->payload.size)
        fail("a message came back shorter than it was sent");
    connection->offset = 0;
    connection->first = 0;
    message_has_come(connection, plan, tally);
}

static void control_frame_ends(struct connection *connection, size_t size)
{
    uint8_t opcode = connection->frame.bytes[0] & OPCODE;
    const uint8_t *payload = connection->control;
    if (opcode == PING)
        answer_ping(connection, size);
    if (opcode != CLOSE)
        return;
    if (connection->state != CLOSING)
        fail("the server closed with code %d: %.*s", size < 2 ? 1005 : payload[0] << 8 | payload[1],
             size < 2 ? 0 : (int)size - 2, payload + 2);
    connection->state = ENDING;
}

static void head_has_come(struct connection *connection, uint64_t length, const struct plan *plan)
{
    uint8_t first = connection->frame.bytes[0];
    connection->left = length;
    if ((first & OPCODE) >= CLOSE) {
        if (length > MAX_CONTROL_PAYLOAD)
            fail("a control frame is too long");
    } else if ((first & OPCODE) == CONTINUATION) {
        if (!connection->first)
            fail("a continuation frame continues nothing");
    } else {
        if ((first & OPCODE) != plan->opcode)
            fail("a message came back with opcode %d", first & OPCODE);
        connection->first = first;
    }
}

/* Takes what of the data belongs to one frame; returns how many bytes that were. */
static size_t take_frame(struct connection *connection, const uint8_t *data, size_t size,
                         const struct plan *plan, struct tally *tally)
{
    size_t taken = 0;
    uint64_t length;
    if (!connection->left) { /* else the head has come before */
        taken = head_take(&connection->frame, data, size);
        if (!head_is_complete(&connection->frame, &length))
            return taken;
        head_has_come(connection, length, plan);
    }
    head_is_complete(&connection->frame, &length);
    bool is_control = (connection->frame.bytes[0] & OPCODE) >= CLOSE;
    size_t part = size - taken < connection->left ? size - taken : (size_t)connection->left;
    if (is_control)
        memcpy(connection->control + (length - connection->left), data + taken, part);
    else
        take_payload(connection, data + taken, part, plan, tally);
    connection->left -= part;
    if (connection->left)
        return taken + part;
    if (is_control)
        control_frame_ends(connection, length);
    else
        data_frame_ends(connection, plan, tally);
    connection->frame.size = 0;
    return taken + part;
}

static void check_answer(const struct connection *connection, const struct plan *plan)
{
    const char *head = connection->head;
    if (strncmp(head, "HTTP/1.1 101", 12) != 0)
        fail("the handshake was answered with %.*s", (int)strcspn(head, "\r\n"), head);
    if (!strstr(head, ACCEPT))
        fail("the handshake has another Sec-WebSocket-Accept than %s", ACCEPT);
    if (plan->compression != !!strcasestr(head, "permessage-deflate"))
        fail("the server %s compression", plan->compression ? "agreed on no" : "wants");
}

/* Takes what of the data belongs to the answer to the handshake; returns how many bytes. */
static size_t take_answer(struct connection *connection, const uint8_t *data, size_t size,
                          const struct plan *plan, struct tally *tally)
{
    size_t before = connection->head_size;
    if (before + size >= MAX_HEAD)
        size = MAX_HEAD - 1 - before;
    connection->head = realloc(connection->head, before + size + 1);
    if (!connection->head || !size)
        fail("the answer to the handshake is too long");
    memcpy(connection->head + before, data, size);
    connection->head[before + size] = '\0';
    connection->head_size = (uint16_t)(before + size);
    const char *end = strstr(connection->head, "\r\n\r\n");
    if (!end)
        return size;
    check_answer(connection, plan);
    size_t taken = (size_t)(end + 4 - connection->head) - before;
    free(connection->head);
    connection->head = NULL;
    connection->state = OPEN;
    if (connection->role != IDLE)
        tally->opened++;
    send_batch(connection, plan);
    return taken;
}

static void take(struct connection *connection, const uint8_t *data, size_t size,
                 const struct plan *plan, struct tally *tally)
{
    while (size) {
        size_t taken;
        if (connection->state == IN_HANDSHAKE)
            taken = take_answer(connection, data, size, plan, tally);
        else if (connection->state != ENDING)
            taken = take_frame(connection, data, size, plan, tally);
        else
            fail("something came after the close frame");
        data += taken;
        size -= taken;
    }
}

static void stream_has_ended(struct connection *connection, const struct plan *plan,
                             struct tally *tally)
{
    if (connection->state != ENDING)
        fail("the server ended a connection without a close frame");
    close(connection->fd);
    tally->done++;
    histogram_add(&tally->times, now() - connection->began, 1);
    connection_begin(connection, connection->role, plan);
}

static void receive(struct connection *connection, uint32_t events, const struct plan *plan,
                    struct tally *tally)
{
    static uint8_t buffer[RECEIVE_SIZE];
    bool ends = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    for (;;) {
        ssize_t size = recv(connection->fd, buffer, sizeof buffer, 0);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size == 0 || (size < 0 && errno == ECONNRESET && connection->state == ENDING)) {
            stream_has_ended(connection, plan, tally);
            return;
        }
        if (size < 0)
            fail_with_errno("receive");
        take(connection, buffer, (size_t)size, plan, tally);
        if ((size_t)size < sizeof buffer && !ends)
            return; /* that was all: what comes from now on is another event */
    }
}

void connection_go_on(struct connection *connection, uint32_t events, const struct plan *plan,
                      struct tally *tally)
{
    if (connection->state == CONNECTING) {
        if (!(events & EPOLLOUT))
            return;
        connection->state = IN_HANDSHAKE;
        send_all(connection, plan->request);
    }
    if (events & EPOLLOUT)
        send_unsent(connection);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        receive(connection, events, plan, tally);
}
