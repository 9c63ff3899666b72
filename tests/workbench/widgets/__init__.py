"""The pages of the command center, driven in a browser against a gateway that is made up."""
