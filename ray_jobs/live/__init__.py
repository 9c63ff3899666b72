"""Live: every camera recorded, watched and alerting, on Ray."""
