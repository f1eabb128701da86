#define _GNU_SOURCE
#include "sockets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <sys/socket.h>

#include "failure.h"

#define SOURCES 16 /* addresses of ours: each has some 28 000 ports */

static struct sockaddr_in local(uint32_t host, int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(host),
    };
}

int connecting_socket(int port)
{
    static uint32_t count;
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail_with_errno("make a socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in from = local(INADDR_LOOPBACK + count++ % SOURCES, 0);
    struct sockaddr_in to = local(INADDR_LOOPBACK, port);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
        fail_with_errno("bind to an address in 127.0.0.0/8");
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS)
        fail_with_errno("connect");
    return fd;
}
