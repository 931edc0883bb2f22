"""The Train page: the form of a new run, and a run that one watches and steers."""
