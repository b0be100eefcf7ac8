"""Nothing dropped, proved: every kind of change under load on a real mesh, with nothing retried."""
