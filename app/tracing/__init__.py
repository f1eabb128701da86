"""What follows a request through services: spans, baggage, deadline."""
