/* Keeps WebSocket connections to an echo server on this machine busy, and measures.

   One thread, one epoll. First it opens the idle connections, says "open" on stdout and waits for
   a line on stdin; then it opens the others, lets them warm up, and measures. The last line of
   stdout is a JSON object (see benchmarks/generator.py). Whatever is not as it should be ends it
   with a sentence on stderr. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "clock.h"
#include "connection.h"
#include "failure.h"
#include "options.h"

#define AT_A_TIME 64                 /* connections that are being opened */
#define MAX_EVENTS 256
#define PATIENCE UINT64_C(20000000000) /* nanoseconds without any progress */

#define REQUEST                                        \
    "GET /chat HTTP/1.1\r\n"                           \
    "Host: 127.0.0.1\r\n"                              \
    "Upgrade: websocket\r\n"                           \
    "Connection: Upgrade\r\n"                          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"  \
    "Sec-WebSocket-Version: 13\r\n"

/* What browsers offer. */
#define OFFER "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"

/* Points of time and of CPU, in nanoseconds. */
struct reading {
    uint64_t time, servers, own;
};

static struct reading read_clocks(const struct options *options)
{
    struct reading reading = {now(), 0, nanoseconds_of(CLOCK_PROCESS_CPUTIME_ID)};
    for (int i = 0; i < options->process_count; i++) {
        clockid_t clock;
        if ((errno = clock_getcpuclockid(options->processes[i], &clock)) != 0)
            fail_with_errno("find the CPU clock of the server");
        reading.servers += nanoseconds_of(clock);
    }
    return reading;
}

static struct bytes frames_of(uint8_t first, struct bytes payload, uint32_t times)
{
    uint8_t *data = malloc((MAX_CLIENT_HEAD + payload.size) * times);
    if (!data)
        fail_with_errno("make frames");
    size_t size = 0;
    for (uint32_t i = 0; i < times; i++)
        size += write_frame(data + size, first, payload);
    return (struct bytes){(const char *)data, size};
}

static struct plan plan_of(const struct options *options)
{
    bool compression = options->compressed.size > 0;
    uint8_t opcode = options->binary ? BINARY : TEXT;
    uint8_t first = FIN | (compression ? RSV1 : 0) | opcode;
    struct bytes sent = compression ? options->compressed : options->payload;
    const char *request = compression ? REQUEST OFFER "\r\n" : REQUEST "\r\n";
    struct plan plan = {
        .port = options->port,
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .request = {request, strlen(request)},
        .message = frames_of(first, sent, 1),
        .batch = frames_of(first, sent, (uint32_t)options->in_flight),
        .close = frames_of(FIN | CLOSE, (struct bytes){"\x03\xe8", 2}, 1),
        .payload = options->payload,
        .in_flight = (uint32_t)options->in_flight,
        .compression = compression,
        .opcode = opcode,
    };
    if (plan.epoll < 0)
        fail_with_errno("make an epoll");
    return plan;
}

/* Lets all connections do what they can, for at most a tenth of a second. */
static void turn(const struct plan *plan, struct tally *tally)
{
    static uint64_t progress;
    struct epoll_event events[MAX_EVENTS];
    int count = epoll_wait(plan->epoll, events, MAX_EVENTS, 100);
    if (count < 0 && errno != EINTR)
        fail_with_errno("wait for sockets");
    for (int i = 0; i < count; i++)
        connection_go_on(events[i].data.ptr, events[i].events, plan, tally);
    uint64_t time = now();
    if (count > 0 || !progress)
        progress = time;
    if (time - progress > PATIENCE)
        fail("nothing has come for %d seconds", (int)(PATIENCE / 1000000000));
}

/* Opens connections, some at a time, and waits until each is open. */
static void open_all(struct connection *connections, int count, enum role role,
                     const struct plan *plan, struct tally *tally)
{
    uint64_t begun = 0, before = tally->opened, wanted = (uint64_t)count;
    while (begun < wanted || tally->opened - before < wanted) {
        while (begun < wanted && begun < tally->opened - before + AT_A_TIME)
            connection_begin(&connections[begun++], role, plan);
        turn(plan, tally);
    }
}

static void go_on_until(uint64_t end, const struct plan *plan, struct tally *tally)
{
    while (now() < end)
        turn(plan, tally);
}

static void report(struct reading before, struct reading after, const struct tally *tally)
{
    printf("{\"seconds\":%.6f,\"server_cpu\":%.6f,\"own_cpu\":%.6f,\"done\":%" PRIu64
           ",\"compressed\":%" PRIu64 ",\"sample\":\"",
           (double)(after.time - before.time) / 1e9, (double)(after.servers - before.servers) / 1e9,
           (double)(after.own - before.own) / 1e9, tally->done, tally->compressed);
    for (size_t i = 0; i < tally->sample.size; i++)
        printf("%02x", (uint8_t)tally->sample.data[i]);
    printf("\",\"times\":");
    histogram_print(&tally->times, stdout);
    printf("}\n");
}

int main(int count, char **arguments)
{
    static struct options options;
    static struct tally tally;
    read_options(count, arguments, &options);
    struct plan plan = plan_of(&options);
    int all = options.idle + options.connections;
    struct connection *connections = calloc((size_t)all + 1, sizeof *connections);
    if (!connections)
        fail_with_errno("keep connections");
    if (options.idle) {
        open_all(connections, options.idle, IDLE, &plan, &tally);
        puts("open");
        fflush(stdout);
        if (getchar() == EOF)
            return EXIT_SUCCESS; /* nobody is there to measure for */
    }
    struct reading before = read_clocks(&options), after = before;
    if (options.connections) {
        enum role role = options.churn ? CHURN : BUSY;
        open_all(connections + options.idle, options.connections, role, &plan, &tally);
        go_on_until(now() + (uint64_t)(options.warm_up * 1e9), &plan, &tally);
        tally.done = 0;
        memset(&tally.times, 0, sizeof tally.times);
        before = read_clocks(&options);
        go_on_until(before.time + (uint64_t)(options.seconds * 1e9), &plan, &tally);
        after = read_clocks(&options);
    }
    report(before, after, &tally);
    return EXIT_SUCCESS;
}
