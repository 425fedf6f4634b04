"""The parts of the bench: PKI, peers, measures, statistics, tables. bench.py puts them together."""
