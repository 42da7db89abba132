"""What tests/run is made of: processes left over, reports of valgrind and sanitizers."""
