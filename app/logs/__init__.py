"""What the service writes about itself."""
