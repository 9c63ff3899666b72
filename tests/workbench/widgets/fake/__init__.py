"""A gateway that is made up: what the pages ask for, answered from memory."""
