"""What Tocsin costs, beside plain alternatives measured in the same run: `make bench`."""
