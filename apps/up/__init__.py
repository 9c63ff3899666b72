"""The whole command center as one command: what runs, who watches over it, and what it says of itself."""
