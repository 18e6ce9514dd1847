#!/usr/bin/env python3
"""Record a command in a terminal and draw it as an animated SVG.

    scripts/record.py --out infra/demo.svg -- go run ./scripts/ferry demo

The command runs in a pseudo-terminal of the given size. What it writes goes through a small
emulation of a terminal (text, colours, moves of the cursor, erasing), whose screen is drawn
anew after each redraw and each line. Time is the command's own, but for two things: a line is
shown for 0.08 s at least, so that the summary can be read as it scrolls by, and nothing
lasts longer than 1.5 s. Without animation, and where a reader wants less motion, the last
screen is shown. Python's standard library is all that it takes.
"""

import argparse
import fcntl
import html
import os
import pty
import re
import struct
import sys
import termios
import time
import unicodedata

CELL, LINE, PAD, BAR = 8.4, 18, 16, 30  # width of a cell, height of a line, border, title bar; in pixels
LEAST, MOST, HOLD, FRAME = 0.08, 1.5, 6.0, 0.12  # seconds: a line, a wait, the last screen, a redraw

CSI = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
COLOURS = {31: "r", 32: "g", 33: "y", 34: "b", 35: "m", 36: "c", 90: "d"}


class Screen:
    """A terminal's screen: rows of cells, each a character and its style."""

    def __init__(self, columns, rows):
        self.columns, self.rows = columns, rows
        self.cells = [[] for _ in range(rows)]
        self.x = self.y = 0
        self.style = frozenset()

    def write(self, text):
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = CSI.match(text, at)
                if not found:
                    at += 1
                    continue
                self.control(found.group(1), found.group(2))
                at = found.end()
                continue
            self.put(text[at])
            at += 1

    def put(self, c):
        if c == "\r":
            self.x = 0
        elif c == "\n":
            self.y += 1
            if self.y == self.rows:
                self.cells.append([])
                self.cells.pop(0)
                self.y -= 1
        elif c == "\b":
            self.x = max(0, self.x - 1)
        elif c >= " ":
            wide = 2 if unicodedata.east_asian_width(c) in "WF" else 1
            if self.x + wide > self.columns:
                self.put("\r")
                self.put("\n")
            row = self.cells[self.y]
            row.extend([(" ", frozenset())] * (self.x + wide - len(row)))
            row[self.x] = (c, self.style)
            if wide == 2:
                row[self.x + 1] = ("", self.style)
            self.x += wide

    def control(self, numbers, letter):
        n = [int(v) for v in numbers.split(";") if v.isdigit()]
        first = n[0] if n else 0
        if letter == "m":
            self.colour(n or [0])
        elif letter == "A":
            self.y = max(0, self.y - max(1, first))
        elif letter == "B":
            self.y = min(self.rows - 1, self.y + max(1, first))
        elif letter == "C":
            self.x = min(self.columns - 1, self.x + max(1, first))
        elif letter == "D":
            self.x = max(0, self.x - max(1, first))
        elif letter == "G":
            self.x = max(1, first) - 1
        elif letter in "JK":
            row = self.cells[self.y]
            if first == 0:
                del row[self.x :]
            elif first == 2:
                row.clear()
            if letter == "J":
                for y in range(0 if first == 2 else self.y + 1, self.rows):
                    self.cells[y] = []

    def colour(self, codes):
        for code in codes:
            if code == 0:
                self.style = frozenset()
            elif code == 1:
                self.style |= {"h"}
            elif code == 2:
                self.style |= {"d"}
            elif code in COLOURS:
                self.style = frozenset(s for s in self.style if s in "hd") | {COLOURS[code]}
            elif code == 39:
                self.style = frozenset(s for s in self.style if s in "hd")

    def draw(self):
        """Each row as a tuple of runs (column, width, text, classes)."""
        drawn = []
        for row in self.cells:
            runs, at = [], 0
            while at < len(row):
                end, style = at, row[at][1]
                while end < len(row) and row[end][1] == style:
                    end += 1
                text = "".join(c for c, _ in row[at:end])
                if text.strip():
                    lead = len(text) - len(text.lstrip(" "))
                    text = text.strip(" ")
                    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
                    runs.append((at + lead, width, text, " ".join(sorted(style))))
                at = end
            drawn.append(tuple(runs))
        return tuple(drawn)


def run(command, columns, rows):
    """Yield (seconds since the first output, text) as command writes; the last item is its exit code."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows))
        os.environ.pop("NO_COLOR", None)
        time.sleep(0.2)  # until the size is set
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    begun, rest = None, b""
    while True:
        try:
            data = os.read(fd, 65536)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        begun = begun or time.monotonic()
        rest += data
        whole = rest.rfind(b"\n") + 1 or len(rest)  # no character is cut in two at a line's end
        yield time.monotonic() - begun, rest[:whole].decode("utf-8", "replace")
        rest = rest[whole:]
    yield -1, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def pieces(text):
    """Cut text where a redraw begins, and the rest of it into lines."""
    for part in re.split(r"(?=\r\x1b\[\d*[AJ])", text):
        if part.startswith("\r\x1b["):
            yield True, part
        else:
            for line in re.findall(r"[^\n]*\n|[^\n]+", part):
                yield False, line


def record(command, columns, rows):
    """Return the frames, as (seconds, screen), and the exit code of command."""
    screen = Screen(columns, rows)
    screen.write("\x1b[1m$ " + " ".join(command) + "\x1b[0m\r\n")
    frames, clock, last = [(0.0, screen.draw())], 0.0, 0.0
    for at, text in run(command, columns, rows):
        if at < 0:
            return frames, clock, text
        clock += min(MOST, max(0.0, at - last))
        last = at
        for redraw, piece in pieces(text):
            screen.write(piece)
            if redraw and clock - frames[-1][0] < FRAME:
                continue
            clock = max(clock, frames[-1][0] + LEAST)
            drawn = screen.draw()
            if drawn != frames[-1][1]:
                frames.append((clock, drawn))


STYLE = """
.t{{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Noto Sans Mono CJK SC",monospace;fill:#d6deeb;white-space:pre}}
.h{{font-weight:bold}}.d{{fill:#7a8799}}.r{{fill:#ff6b6b}}.g{{fill:#4ec994}}.y{{fill:#e5c07b}}.b{{fill:#6cb6ff}}.m{{fill:#d19af0}}.c{{fill:#56c8d8}}
#film{{transform:translateY(-{last}px);animation:film {seconds:.2f}s steps(1,end) infinite}}
@keyframes film{{{keys}}}
@media (prefers-reduced-motion:reduce){{#film{{animation:none}}}}
"""


def svg(frames, end, columns, rows, title):
    """Draw the frames one below the other, in a window that moves from one to the next."""
    width, height = round(columns * CELL + 2 * PAD), rows * LINE
    total = end + HOLD
    keys = "".join(f"{100 * at / total:.2f}%{{transform:translateY(-{i * height}px)}}" for i, (at, _) in enumerate(frames))
    rowid, defs, uses = {}, [], []
    for i, (_, screen) in enumerate(frames):
        for y, runs in enumerate(screen):
            if not runs:
                continue
            if runs not in rowid:
                rowid[runs] = f"r{len(rowid)}"
                defs.append(
                    f'<g id="{rowid[runs]}">'
                    + "".join(
                        f'<text class="{("t " + classes).strip()}" x="{x * CELL:.1f}" y="14" textLength="{w * CELL:.1f}" '
                        f'lengthAdjust="spacingAndGlyphs">{html.escape(text)}</text>'
                        for x, w, text, classes in runs
                    )
                    + "</g>"
                )
            uses.append(f'<use href="#{rowid[runs]}" y="{i * height + y * LINE}"/>')
    style = STYLE.format(last=(len(frames) - 1) * height, seconds=total, keys=keys)
    full = height + BAR + PAD
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {full}" width="{width}" height="{full}" role="img">'
        f"<title>{html.escape(title)}</title><style>{style}</style><defs>{''.join(defs)}</defs>"
        f'<rect width="{width}" height="{full}" rx="10" fill="#0f1722"/>'
        + "".join(f'<circle cx="{20 + 18 * i}" cy="16" r="5.5" fill="{c}"/>' for i, c in enumerate(("#ff5f57", "#febc2e", "#28c840")))
        + f'<svg x="{PAD}" y="{BAR}" width="{width - 2 * PAD}" height="{height}"><g id="film">{"".join(uses)}</g></svg></svg>\n'
    )


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("--out", required=True, help="the SVG to write")
    p.add_argument("--columns", type=int, default=112)
    p.add_argument("--rows", type=int, default=32)
    p.add_argument("command", nargs="+")
    o = p.parse_args()
    frames, end, code = record(o.command, o.columns, o.rows)
    if code:
        sys.exit(f"{' '.join(o.command)} ended with {code}: nothing is written")
    drawn = svg(frames, end, o.columns, o.rows, "$ " + " ".join(o.command))
    with open(o.out, "w", encoding="utf-8") as f:
        f.write(drawn)
    print(f"{o.out}: {len(frames)} frames, {end:.1f} s, {len(drawn.encode()):,} bytes")


if __name__ == "__main__":
    main()
