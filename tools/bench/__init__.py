"""Measuring Berth: `make bench` against the embedded NetBox, `make bench-netbox` against a real one.

Absolute figures of a small machine say little, so everything is measured in pairs: Berth and what it is
compared with take turns in one run, in alternating order, several rounds, and the page shows medians and
ratios. What makes the load is a process of its own (`tools.bench.load`), whose computing is counted apart.

    python -m tools.bench emulator|netbox   measure, write docs/benchmarks/results/*.json, then the page
    python -m tools.bench page              write docs/benchmarks.md and its plots from those files again
"""
