"""The Autobahn suite of 517 cases, run against the service as it ships: `make conformance`."""
