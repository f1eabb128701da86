"""The parts of a service: named, configured, started in order of dependency, stopped in reverse."""
