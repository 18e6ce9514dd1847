#!/usr/bin/env python3
"""Draw the pictures of the READMEs: how an object is moved and proved, and how a deployment works.

    scripts/pictures.py DIR        writes architecture.svg, deployment.svg and their .zh-CN.svg into DIR

Each is one SVG whose colours follow the reader's scheme, light or dark. Python's standard
library is all that it takes.
"""

import html
import pathlib
import sys

STYLE = """
text{font:14px -apple-system,"Segoe UI","Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;fill:#1f2328}
.paper{fill:#ffffff}.box{fill:#f6f8fa;stroke:#8c959f}.source{fill:#ddf4ff;stroke:#0969da}.target{fill:#fff1e5;stroke:#bc4c00}
.step{fill:#dafbe1;stroke:#1a7f37}.b{font-weight:600}.s{font-size:12px;fill:#57606a}
.a{fill:none;stroke:#57606a;stroke-width:1.5}.head{fill:#57606a}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.paper{fill:#0d1117}.box{fill:#161b22;stroke:#6e7681}
.source{fill:#0c2d4d;stroke:#4493f8}.target{fill:#3d1f0b;stroke:#f0883e}.step{fill:#0f2e1a;stroke:#3fb950}
.s{fill:#9198a1}.a{stroke:#9198a1}.head{fill:#9198a1}}
"""


class Picture:
    def __init__(self, width, height, title):
        self.width, self.height, self.title, self.parts = width, height, title, []

    def box(self, x, y, w, h, kind, *lines):
        """A box with its first line bold; the others are smaller."""
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{w}" height="{h}" rx="8"/>')
        top = y + h / 2 - 9 * (len(lines) - 1) + 5
        for i, line in enumerate(lines):
            self.text(x + w / 2, top + 18 * i, line, "s" if i else "b")

    def text(self, x, y, line, kind="", anchor="middle"):
        self.parts.append(f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{html.escape(line)}</text>')

    def arrow(self, *points, label="", kind="s", shift=0):
        """A line through points with a head at its end; the label stands above its first stretch."""
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        self.parts.append(f'<path class="a" d="{path}" marker-end="url(#h)"/>')
        if label:
            (x1, y1), (x2, y2) = points[:2]
            self.text((x1 + x2) / 2 + shift, (y1 + y2) / 2 - 6, label, kind)

    def svg(self):
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img">'
            f"<title>{html.escape(self.title)}</title><style>{STYLE}</style>"
            '<defs><marker id="h" markerWidth="9" markerHeight="8" refX="8" refY="4" orient="auto">'
            '<path class="head" d="M0 0L9 4L0 8z"/></marker></defs>'
            f'<rect class="paper" width="{self.width}" height="{self.height}" rx="10"/>\n' + "\n".join(self.parts) + "\n</svg>\n"
        )


def architecture(w):
    """The source at the left, the target at the right, and what Ferry does from top to bottom."""
    p = Picture(720, 470, w["architecture"])
    p.box(16, 16, 130, 330, "source", *w["kodo"])
    p.box(574, 16, 130, 330, "target", *w["oss"])
    p.box(574, 376, 130, 76, "box", *w["ledger"])
    left, right = 226, 494
    for i, lines in enumerate(w["steps"]):
        y = 16 + 90 * i
        p.box(left, y, right - left, 66, "step", *lines)
        if i:
            p.arrow(((left + right) / 2, y - 24), ((left + right) / 2, y - 2))
    for i, (source, target) in enumerate(w["between"]):
        y = 49 + 90 * i
        if source:
            p.arrow((146, y), (left - 2, y), label=source)
        if target:
            there = [(right, y), (572, y)] if target == "PUT" else [(574, y), (right + 2, y)]
            p.arrow(*there, label=target, shift=8)
    p.arrow((right, 49 + 90), (512, 49 + 90), (512, 396), (572, 396))
    p.arrow((right, 49 + 360), (572, 49 + 360))
    return p.svg()


def deployment(w):
    """Queues and functions, from what begins a run to its report."""
    p = Picture(720, 360, w["deployment"])
    stages = w["stages"]
    p.box(16, 16, 200, 46, "box", *w["begin"])
    for i, (queue, function) in enumerate(stages):
        y = 92 + 66 * i
        p.box(60, y, 156, 46, "box", *queue)
        p.arrow((216, y + 23), (276, y + 23))
        p.box(278, y, 176, 46, "step", *function)
    p.arrow((36, 62), (36, 115), (58, 115))
    for i in range(1, len(stages)):
        y = 92 + 66 * i
        p.arrow((366, y - 20), (366, y - 10), (138, y - 10), (138, y - 2))
    p.box(520, 92, 184, 46, "source", *w["source"])
    p.box(520, 158, 184, 46, "target", *w["oss"])
    p.box(520, 224, 184, 112, "box", *w["truth"])
    p.arrow((454, 107), (518, 107))
    p.arrow((454, 173), (487, 173), (487, 123), (518, 123))
    p.arrow((454, 189), (518, 189))
    p.arrow((454, 247), (518, 247))
    p.arrow((454, 313), (518, 313))
    return p.svg()


WORDS = {
    "": {
        "architecture": "How Ferry moves an object and proves it",
        "kodo": ("Qiniu Kodo", "or S3, or a directory"),
        "oss": ("Alibaba OSS", "the target bucket"),
        "ledger": ("Ledger", "plain objects:", "the only truth"),
        "steps": (
            ("1  Compare", "both listings side by side: what differs?"),
            ("2  Seal", "rows in batches, written before work"),
            ("3  Stream", "hashed on its way; the last byte waits"),
            ("4  Verify", "both listings again, row by row"),
            ("5  Report", "every object has a row, the books balance"),
        ),
        "between": (("list", "list"), ("", ""), ("GET", "PUT"), ("list", "list"), ("", "")),
        "deployment": "How queues and functions do a run",
        "begin": ("ferry start, timer, event",),
        "stages": (
            (("queue list",), ("function list",)),
            (("queue copy",), ("function copy",)),
            (("queue verify",), ("function verify",)),
            (("queue delete",), ("function delete",)),
        ),
        "source": ("Qiniu Kodo",),
        "truth": ("Ledger and report", "an outcome for each task;", "lost messages are sent again"),
    },
    ".zh-CN": {
        "architecture": "Ferry 如何迁移并证明一个对象",
        "kodo": ("七牛云 Kodo", "或 S3，或本机目录"),
        "oss": ("阿里云 OSS", "目标 Bucket"),
        "ledger": ("账本", "普通对象，", "唯一的事实依据"),
        "steps": (
            ("1  对照", "两边列表并列：哪里不同"),
            ("2  封存", "成批的行，先写下再动手"),
            ("3  传输", "边传边算哈希，最后一个字节等待结果"),
            ("4  验证", "两边再列举一次，逐行核对"),
            ("5  报告", "每个对象一行，账目平衡"),
        ),
        "between": (("列举", "列举"), ("", ""), ("GET", "PUT"), ("列举", "列举"), ("", "")),
        "deployment": "队列和函数如何完成一次运行",
        "begin": ("ferry start、定时器、事件",),
        "stages": (
            (("队列 list",), ("函数 list",)),
            (("队列 copy",), ("函数 copy",)),
            (("队列 verify",), ("函数 verify",)),
            (("队列 delete",), ("函数 delete",)),
        ),
        "source": ("七牛云 Kodo",),
        "truth": ("账本与报告", "每个任务一条结果记录，", "丢失的消息会重发"),
    },
}


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: pictures.py DIR")
    for language, words in WORDS.items():
        for name, draw in (("architecture", architecture), ("deployment", deployment)):
            pathlib.Path(sys.argv[1], name + language + ".svg").write_text(draw(words), encoding="utf-8")


if __name__ == "__main__":
    main()
