"""The gateway: login, API, streams and assets of the command center, for people and for devices."""
