"""The pages of the command center as widgets: the kernel mounts them, the gateway feeds them."""
