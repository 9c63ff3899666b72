"""What people look at in notebooks."""
