#!/usr/bin/env python3
"""Checks a run that `ferry report RUN --out DIR` wrote, and shares no code with Ferry.

Usage: check-report.py DIR. Every file must be the one whose SHA-256 is written down, every
number of report.json is computed again from the CSV files, and their keys must be in order,
each once, without a gap between the stretches of the source. The formats are those of
shared/ledger/FORMATS.md. It ends with 0 where all holds, with 1 and a sentence for each
thing that does not, and with 2 where DIR cannot be checked.

Not computed again: excluded, behind and unlisted, which count what has no row."""
import csv, gzip, hashlib, heapq, itertools, json, os, re, sys
from collections import Counter
from datetime import datetime

wrong, END = [], "\u0100"  # END is behind every key: keys are compared as bytes, read as latin-1
STATES = "copied updated unchanged present skipped conflict gone failed open".split()
FORMULA = tuple(s.encode().decode("latin-1") for s in "= + - @ \t \r \n ＝ ＋ － ＠".split(" "))

def same(what, told, found):
    if told != found:
        wrong.append(f"{what}: the report says {told}, the files say {found}")

def raw(text):  # of a text of JSON, its bytes
    return (text or "").encode().decode("latin-1")

def rows(path, f, ordered=True):  # yields the rows of a file, and checks them
    last, n, after, end = "", 0, raw(f.get("after")), raw(f.get("up_to")) or END
    with gzip.open(path, "rt", encoding="latin-1", newline="") as text:
        for n, row in enumerate(csv.DictReader(text), 1):
            key = row["key"]
            if ordered and (n > 1 and key <= last or not after <= key <= end):
                wrong.append(f"{f['name']}: row {n}, {key!r}, is out of order or of its stretch")
            if ordered and n == 1:
                same(f"{f['name']}, first key", raw(f.get("first")), key)
            last = key
            yield row
    same(f"{f['name']}, rows", f["rows"], n)
    if ordered and n:
        same(f"{f['name']}, last key", raw(f.get("last")), last)

def check(root):
    at = lambda name: os.path.join(root, *name.split("/"))
    rep = json.load(open(at("report.json"), "rb"))
    by_sum = f"manifest-{rep.get('manifest')}.json"  # in a ledger, where another process wrote one, too
    manifest = open(at(by_sum if os.path.isfile(at(by_sum)) else "manifest.json"), "rb").read()
    same("manifest.json, SHA-256", rep.get("manifest"), hashlib.sha256(manifest).hexdigest())
    m = json.loads(manifest)
    m["files"] = m["files"] or []
    same("the run", rep["run"], m["run"])
    for f in m["files"] + m.get("lists", []):
        if not os.path.isfile(at(f["name"])):
            return wrong.append(f"{f['name']} is missing")
        same(f"{f['name']}, SHA-256", f["sha256"], hashlib.sha256(open(at(f["name"]), "rb").read()).hexdigest())
    if wrong:
        return  # of other files, nothing is to be computed
    kind = lambda f: re.sub("(-[0-9a-f]{64})?[.]csv$", "", f["name"])  # a list has its SHA-256 in its name where another stood
    listed = {}  # the files of one list each: row by row as a spreadsheet takes it
    for f in m.get("lists", []):
        text = csv.reader(open(at(f["name"]), encoding="latin-1", newline=""))
        listed[kind(f)] = Counter(map(tuple, itertools.islice(text, 1, None)))
        same(f"{f['name']}, rows", f["rows"], sum(listed[kind(f)].values()))
    deleted, stretches = [], {}
    for f in m["files"]:
        if f["name"].startswith("objects/deleted-"):
            deleted.append(f)
        else:
            stretches.setdefault((raw(f.get("after")), raw(f.get("up_to")) or END), []).append(f)
    unknown = [(raw(u.get("after")), raw(u.get("up_to")) or END) for u in rep.get("unknown", [])]
    lost = rep.get("unknowns") or len(unknown)
    same("shards", rep["shards"], len(m["files"]) - len(deleted) + lost)
    if not m.get("events"):
        reach = full = ""
        for stretch in sorted(list(stretches) + unknown):
            if stretch[0] > reach and lost == len(unknown):
                wrong.append(f"no file has what lies after {reach!r} up to {stretch[0]!r}")
            if stretch in stretches:
                if stretch[0] < full:
                    wrong.append(f"two files have what lies after {stretch[0]!r}")
                full = max(full, stretch[1])
            reach = max(reach, stretch[1])
        if reach != END:
            wrong.append(f"no file has what lies after {reach!r}")
    n, size, digits, classes, ticks, bad = Counter(), Counter(), {}, {}, {}, []
    each, begin = rep.get("profile", {}).get("times", {}).get("each", 1), None
    def add(table, key, *amounts):
        table[key] = [a + b for a, b in zip(table.get(key, [0] * len(amounts)), amounts)]
    for _, files in sorted(stretches.items()):
        last = None
        for r in heapq.merge(*(rows(at(f["name"]), f, not m.get("events")) for f in files), key=lambda r: r["key"] if not m.get("events") else ""):
            if r["key"] == last and not m.get("events"):
                wrong.append(f"{last!r} is in two files")
            last, b, state = r["key"], int(r["size"]), r["state"].replace("pending", "open")
            marks = [state] + [x for x in [r["verdict"], r["warnings"] and "warned"] if x]
            if state in ("copied", "updated", "unchanged") and r["proof"]:
                marks.append("proof " + r["proof"])
                if r.get("proved_by", rep["run"]) not in ("", rep["run"]):
                    marks.append("prover " + (r["proved_by"] if r["proved_by"] in rep.get("provers", {}) else ""))
            if state in ("skipped", "gone"):
                marks.append("cause " + (r["cause"] if r["cause"] in rep.get("causes", {}) else "other"))
            if state == "gone" and r["cause"] == "not-there":
                marks.append("absent")
            n.update(marks)
            size.update(dict.fromkeys(marks, b))
            failed = state in ("failed", "conflict") or r["verdict"] == "mismatch"
            kinds = [name for name, yes in (("failed", failed), ("present", state == "present")) if yes]
            for name in kinds:
                listed.get(name, Counter())[tuple("'" + c if c.startswith(FORMULA) else c for c in r.values())] -= 1
            if failed and len(bad) < 1000:
                bad.append((r["key"], state))
            if state == "deleted":
                continue
            add(digits, b.bit_length(), 1, b)
            add(classes, r["class"] or "unknown", 1, b)
            wrote = state in ("copied", "updated")
            if r["at"] and (wrote or failed):
                add(ticks, int(datetime.fromisoformat(r["at"][:19] + "+00:00").timestamp()) // each, int(wrote), b if wrote else 0, int(failed))
    for f in m.get("lists", []):
        total = {"failed": n["failed"] + n["conflict"] + n["mismatch"], "present": n["present"]}[kind(f)]
        same(f"{f['name']}, all", f["of"], total)
        if max(listed[kind(f)].values(), default=0) > 0 or f["rows"] > total:
            wrong.append(f"{f['name']} has a row that is not among those of the files")
    mirror = rep.get("mirror") or {}
    if not m.get("events"):
        ends = Counter(r["state"] if r["state"] in ("deleted", "failed") else "open" if r["state"] == "pending" else "kept" for f in deleted for r in rows(at(f["name"]), f))
        n["deleted"] += ends["deleted"]
        for end in ("deleted", "failed", "kept", "open") if deleted else ():
            same(f"deletions, {end}", mirror.get(end, {}).get("objects", 0), ends[end])
    off = []  # what the balance is off by
    for what, told, found in (("objects", rep["objects"], n), ("bytes", rep["bytes"], size)):
        total = sum(found[s] for s in STATES)
        off.append(told["listed"] - total)
        for k in STATES + ["verified", "mismatch"] + (["deleted"] if what == "objects" else []):
            same(f"{what} {k}", told.get(k, 0), found[k])
        for kind in ("proofs", "provers", "causes"):
            names = set(rep.get(kind, {})) | {k.split(" ", 1)[1] for k in found if k.startswith(kind[:-1] + " ")}
            for k in names:
                same(f"{what} of {kind} {k}", rep.get(kind, {}).get(k, {}).get(what, 0), found[f"{kind[:-1]} {k}"])
    if rep["balanced"] != (not lost and not any(off)):
        wrong.append(f"the books are off by {off[0]} objects and {off[1]} bytes, {lost} stretches are not known, and the report says balanced: {rep['balanced']}")
    if rep["result"] == "verified" and (not rep["balanced"] or n["failed"] + n["conflict"] + n["mismatch"] + n["open"] or n["verified"] != n["copied"] + n["updated"] + n["unchanged"]):
        wrong.append("the report says verified, which its files do not bear out")
    same("not moved", rep.get("not_moved", 0), n["skipped"] + n["gone"])
    same("warned", rep["warned"], n["warned"])
    same("absent", rep.get("absent", 0), n["absent"])
    took = datetime.fromisoformat(rep["finished"][:19]) - datetime.fromisoformat(rep["started"][:19])
    if abs(took.total_seconds() - rep["seconds"]) > 1.01:
        wrong.append(f"seconds: the report says {rep['seconds']}, its times {took.total_seconds()}")
    if not mirror.get("failed", {}).get("objects"):
        told = Counter((raw(f["key"]), f["state"]) for f in rep.get("failures", []))
        same("failures named", sum(told.values()), min(1000, n["failed"] + n["conflict"] + n["mismatch"]))
        if sum(told.values()) < 1000 and told != Counter(bad):
            wrong.append("the failures that the report names are not those of the files")
    p = rep.get("profile", {})
    t = p.get("times", {"from": 0, "ticks": []})
    same("sizes", [[s["objects"], s["bytes"]] for s in p.get("sizes", [])], [digits.get(i, [0, 0]) for i in range(max(digits, default=-1) + 1)])
    known = {k: v for k, v in classes.items() if k in p.get("classes", {})}
    for k in set(classes) - set(known):
        add(known, "other", *classes[k])
    same("classes", {k: [c["objects"], c["bytes"]] for k, c in p.get("classes", {}).items()}, known)
    same("times", {t["from"] // each + i: [x["objects"], x["bytes"], x.get("failed", 0)] for i, x in enumerate(t["ticks"]) if any(x.values())}, ticks)

if __name__ == "__main__":
    csv.field_size_limit(1 << 30)
    if len(sys.argv) != 2:
        sys.exit(print("usage: check-report.py DIR", file=sys.stderr) or 2)
    try:
        check(sys.argv[1])
    except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as e:
        if isinstance(e, OSError) and not os.path.isfile(os.path.join(sys.argv[1], "report.json")):
            sys.exit(print(f"{sys.argv[1]} holds no report: write one there with ferry report RUN --out DIR ({e})", file=sys.stderr) or 2)
        wrong.append(f"a file is not what the formats say: {type(e).__name__}: {e}")
    print("\n".join(wrong[:20]) or "All holds: every file, every number and every key.")
    sys.exit(1 if wrong else 0)
