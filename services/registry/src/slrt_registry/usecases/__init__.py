"""What may be done, one function per thing: they know the domain and the ports, and neither HTTP nor SQL."""
