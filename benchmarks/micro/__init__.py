"""What single parts cost, without sockets: `make microbench`."""
