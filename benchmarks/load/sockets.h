/* Sockets to a server on this machine. */

#ifndef LOAD_SOCKETS_H
#define LOAD_SOCKETS_H

/* Returns one that does not block, and that has begun to connect. */
int connecting_socket(int port);

#endif
