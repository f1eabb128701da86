"""What the service costs, beside others: `make bench`, `make microbench`, and single questions."""
