#!/usr/bin/env python3
"""Draws how many small objects a second Ferry and bare copy, by how far the services are.

Usage: chart.py < results > chart.svg. The results are what `ferry bench --scenario
far-small --delay D --json` prints, once for each delay D, one behind the other:

    for d in 0s 10ms 50ms 100ms; do ferry bench --scenario far-small --delay $d --json; done |
        scripts/chart.py > infra/far-small.svg

Each point is the median of all turns. It ends with 2 where the results cannot be drawn."""
import json, sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 420, 64, 130, 56, 60
SERIES = [("bare", "#8a8f98", "bare"), ("ferry", "#0b6bcb", "Ferry")]

def results(text):  # yields each scenario far-small of arrays that stand one behind the other
    at, decoder = 0, json.JSONDecoder()
    while at < len(text):
        array, end = decoder.raw_decode(text, at)
        yield from (r for r in array if r["scenario"] == "far-small")
        at = end + len(text[end:]) - len(text[end:].lstrip())

def nice(most):  # a round number of steps above most
    for unit in (10 ** n * k for n in range(9) for k in (1, 2, 5)):
        if unit * 6 >= most:
            return unit, -(-most // unit) * unit

def chart(points):
    far = max(d for d, _ in points) or 1
    unit, top = nice(max(p[s] for _, p in points for s, _, _ in SERIES))
    x = lambda d: LEFT + (WIDTH - LEFT - RIGHT) * d / far
    y = lambda v: HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * v / top
    yield f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13" role="img">'
    yield "<title>Objects of 8 KiB a second, by the delay of each answer</title>"
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    yield f'<text x="{LEFT}" y="28" font-size="15" font-weight="bold" fill="#1f2328">Objects of 8 KiB a second, by the delay of each answer of either service</text>'
    for v in range(0, int(top) + 1, unit):
        yield f'<path d="M{LEFT} {y(v):.1f}H{WIDTH - RIGHT}" stroke="#d8dee4"/>'
        yield f'<text x="{LEFT - 8}" y="{y(v) + 4:.1f}" text-anchor="end" fill="#57606a">{v:,}</text>'
    for d, _ in points:
        yield f'<text x="{x(d):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle" fill="#57606a">{d:g} ms</text>'
    for series, color, name in SERIES:
        line = "L".join(f"{x(d):.1f} {y(p[series]):.1f}" for d, p in points)
        yield f'<path d="M{line}" fill="none" stroke="{color}" stroke-width="2.5"/>'
        for d, p in points:
            yield f'<circle cx="{x(d):.1f}" cy="{y(p[series]):.1f}" r="4" fill="{color}"><title>{name}, {d:g} ms: {p[series]:,.0f} objects/s</title></circle>'
    for i, (series, color, name) in enumerate(SERIES):
        yield f'<rect x="{WIDTH - RIGHT + 20}" y="{TOP + 24 * i}" width="14" height="4" fill="{color}"/>'
        yield f'<text x="{WIDTH - RIGHT + 42}" y="{TOP + 24 * i + 7}" fill="#1f2328">{name}</text>'
    slow = [(d, 64 / (2 * d / 1000)) for d, _ in points if d and 64 / (2 * d / 1000) <= top]
    if len(slow) > 1:
        line = "L".join(f"{x(d):.1f} {y(v):.1f}" for d, v in slow)
        yield f'<path d="M{line}" fill="none" stroke="#b08800" stroke-width="1.5" stroke-dasharray="5 4"/>'
        yield f'<path d="M{WIDTH - RIGHT + 20} {TOP + 24 * len(SERIES) + 2}h14" stroke="#b08800" stroke-width="1.5" stroke-dasharray="5 4"/>'
        yield f'<text x="{WIDTH - RIGHT + 42}" y="{TOP + 24 * len(SERIES) + 7}" fill="#1f2328">64 at a time</text>'
        yield f'<text x="{WIDTH - RIGHT + 42}" y="{TOP + 24 * len(SERIES) + 22}" font-size="11" fill="#57606a">at best</text>'
    best = sorted({p["at"] for _, p in points})
    at = ", ".join(f"{n:,} at " + " and ".join(f"{d:g} ms" for d, p in points if p["at"] == n) for n in best) if len(best) > 1 else f"{best[0]:,}"
    yield f'<text x="{LEFT}" y="{HEIGHT - 22}" font-size="11" fill="#57606a">Ferry: its default flags. bare: the best of 64, 256 and 1,024 at a time,</text>'
    yield f'<text x="{LEFT}" y="{HEIGHT - 7}" font-size="11" fill="#57606a">which was {at}.</text>'
    yield "</svg>"

if len(sys.argv) > 1:
    sys.exit(__doc__)
try:
    points = {}
    for r in results(sys.stdin.read().strip()):
        if r["delays"]["kodo_ms"] != r["delays"]["oss_ms"]:
            raise ValueError("both services are to have the same delay: measure with --delay")
        points[r["delays"]["kodo_ms"]] = {"ferry": r["ferry"]["objects_per_s"], "bare": r["bare"]["objects_per_s"], "at": r["bare_at"]}
    if len(points) < 2:
        raise ValueError("want far-small with two delays at least")
    print("\n".join(chart(sorted(points.items()))))
except (ValueError, KeyError, TypeError) as e:
    print(f"chart.py: these are no results of ferry bench --scenario far-small --delay … --json: {e}", file=sys.stderr)
    sys.exit(2)
