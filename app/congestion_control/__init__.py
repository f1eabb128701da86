"""Load is shed before it hurts: sensor, controller, limiter."""
