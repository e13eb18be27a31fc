"""Readers of traces: seconds and peak memory, each in a fresh interpreter, beside the plainest reading of a file."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from _measure import compare, quick

MIB = 2**20
SIZE = (20 if quick() else 1024) * MIB
COMMITS = 2_000 if quick() else 20_000

OURS = """
import resource, sys, time
started = time.process_time()
from peernet import ingest
if sys.argv[1] == "read_slack":
    import pandas as pd
    mail = [f"u{k}@firm.example" for k in range(5003)]
    options = {"people": pd.DataFrame({"email": mail}, index=pd.Index([m[:-13] for m in mail], name="person"))}
else:
    options = {}
records = getattr(ingest, sys.argv[1])(sys.argv[2], **options)
kept = sum(t.memory_usage(deep=True).sum() for t in records.tables().values()) / 2**20
print(time.process_time() - started, len(records.events), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
      kept)
"""
# The plainest way to look at every row: a stream of elements, each cleared; lines through json; git's own log.
PLAIN = {
    "read_stack_exchange": """
import resource, sys, time
from xml.etree.ElementTree import iterparse
started = time.process_time()
asked, n = {}, 0
for _, row in iterparse(sys.argv[2] + "/Posts.xml"):
    if row.get("PostTypeId") == "1":
        asked[row.get("Id")] = row.get("OwnerUserId")
    elif row.get("PostTypeId") == "2":
        n += asked.get(row.get("ParentId"), row.get("OwnerUserId")) != row.get("OwnerUserId")
    row.clear()
print(time.process_time() - started, n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0)
""",
    "read_mattermost": """
import json, resource, sys, time
started = time.process_time()
n = 0
for line in open(sys.argv[2], "rb"):
    post = json.loads(line).get("post")
    n += sum(r["user"] != post["user"] for r in post["replies"]) if post else 0
print(time.process_time() - started, n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0)
""",
    "read_slack": """
import json, pathlib, resource, sys, time
started = time.process_time()
n = 0
for file in sorted(pathlib.Path(sys.argv[2]).glob("*/*.json")):
    for row in json.loads(file.read_bytes()):
        n += row.get("parent_user_id", row["user"]) != row["user"]
print(time.process_time() - started, n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 0)
""",
    "read_git": """
import resource, subprocess, sys, time
started = time.perf_counter()
log = ["git", "-C", sys.argv[2], "log", "--all", "--format=%ae %(trailers:only)"]
out = subprocess.run(log, capture_output=True, check=True).stdout
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(time.perf_counter() - started, out.count(b"-by: "), peak, 0)
""",
}


def posts(folder: Path) -> Path:
    """Write a dump of SIZE bytes: one question in three, texts of a kilobyte."""
    body = "&lt;p&gt;" + "How does one reconcile the ledger? " * 30 + "&lt;/p&gt;"
    with (folder / "Posts.xml").open("w", encoding="utf-8") as file:
        file.write('<?xml version="1.0" encoding="utf-8"?>\n<posts>\n')
        size = k = 0
        while size < SIZE:
            k += 1
            kind = f'PostTypeId="2" ParentId="{k - k % 3}"' if k % 3 else 'PostTypeId="1" Tags="&lt;sql&gt;"'
            size += file.write(
                f'  <row Id="{k}" {kind} CreationDate="2024-01-01T00:{k // 60 % 60:02d}:{k % 60:02d}.000" '
                f'Score="{k % 9}" '
                f'OwnerUserId="{k * 7919 % 5003}" Body="{body}" />\n'
            )
        file.write("</posts>")
    return folder


def lines(folder: Path) -> Path:
    """Write a bulk export of SIZE bytes: posts with three replies, texts of 300 bytes."""
    text = "Use the template, then reconcile the ledger. " * 7
    path = folder / "export.jsonl"
    with path.open("w", encoding="utf-8") as file:
        size, k = file.write('{"type": "version", "version": 1}\n'), 0
        while size < SIZE:
            k += 1
            time = 1_700_000_000_000 + 1000 * k
            replies = ", ".join(
                f'{{"user": "u{(k + j) * 7919 % 5003}", "message": "{text}", "create_at": {time + j}}}'
                for j in range(1, 4)
            )
            size += file.write(
                f'{{"type": "post", "post": {{"team": "t", "channel": "c{k % 40}", "user": "u{k * 7919 % 5003}", '
                f'"message": "{text}", "create_at": {time}, "replies": [{replies}]}}}}\n'
            )
    return path


def chat(folder: Path) -> Path:
    """Write a Slack export of SIZE bytes: 40 channels, a day file each, one question in four, 1.4 KB a message."""
    users = [
        {"id": f"U{k:05d}", "name": f"u{k}", "profile": {"email": f"u{k}@firm.example"}} for k in range(5003)
    ]
    channels = [{"id": f"C{k:03d}", "name": f"c{k}"} for k in range(40)]
    for name, value in (("users", users), ("channels", channels)):
        (folder / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    body = "How does one reconcile the ledger? Use the template. " * 12
    size = day = k = 0
    while size < SIZE:
        channel = day % 40
        rows = []
        for _ in range(400):
            k += 1
            ts, asked = f"{1_600_000_000 + 40 * k}.{k % 1_000_000:06d}", k - k % 4
            row = {
                "type": "message", "user": f"U{k * 7919 % 5003:05d}", "text": body, "ts": ts,
                "client_msg_id": f"{k:036d}",
                "thread_ts": f"{1_600_000_000 + 40 * asked}.{asked % 1_000_000:06d}",
                "blocks": [{"type": "rich_text", "elements": [{"type": "text", "text": body}]}],
            }  # fmt: skip
            if k % 4:
                row["parent_user_id"] = f"U{asked * 7919 % 5003:05d}"
            rows.append(row)
        place = folder / f"c{channel}"
        place.mkdir(exist_ok=True)
        date = dt.date(2020, 9, 1) + dt.timedelta(days=day // 40)
        size += (place / f"{date}.json").write_text(json.dumps(rows), encoding="utf-8")
        day += 1
    return folder


def history(folder: Path) -> Path:
    """Make a repository of COMMITS commits with git fast-import."""
    stream = []
    for k in range(COMMITS):
        named = [f"P <p{k * step % 200}@firm.example>" for step in (31, 17)]
        message = f"change {k}\n\nReviewed-by: {named[0]}\nHelped-by: {named[1]}\n"
        who = f"P <p{k * 7 % 200}@firm.example> {1_600_000_000 + 60 * k} +0000"
        stream.append(
            f"commit refs/heads/main\nmark :{k + 1}\nauthor {who}\ncommitter {who}\ndata "
            f"{len(message)}\n{message}\n"
            + (f"from :{k}\n" if k else "")
            + f"M 100644 inline f{k % 50}.txt\ndata {len(str(k))}\n{k}\n\n"
        )
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    subprocess.run(
        ["git", "-C", str(folder), "fast-import", "--quiet"], input="".join(stream).encode(), check=True
    )
    return folder


def run(code: str, reader: str, path: Path) -> tuple[float, int, float, float]:
    """Run in a fresh interpreter; return seconds (of the CPU, but for git), events, peak MiB and MiB returned."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    done = subprocess.run(
        [sys.executable, "-c", code, reader, str(path)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    took, events, peak, kept = done.stdout.split()
    return float(took), int(events), float(peak), float(kept)


def main() -> None:
    """Compare readers with the plainest reading."""
    for reader, make, what, limit in (
        ("read_git", history, f"{COMMITS:,} commits", 60.0),
        ("read_stack_exchange", posts, f"{SIZE / MIB:,.0f} MiB Stack Exchange dump", None),
        ("read_slack", chat, f"{SIZE / MIB:,.0f} MiB Slack export", None),
        ("read_mattermost", lines, f"{SIZE / MIB:,.0f} MiB Mattermost export", None),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = make(Path(folder))
            ours = [run(OURS, reader, path) for _ in range(1 if quick() else 3)]
            plain = [run(PLAIN[reader], reader, path) for _ in range(1 if quick() else 3)]
        peak = max(x[2] for x in ours)
        # What a reader hands back is the caller's; the bulk export of short posts alone makes 2 million events.
        assert quick() or peak < 300 or reader == "read_mattermost", (reader, peak)
        assert limit is None or min(x[0] for x in ours) < limit, ours
        compare(
            f"{reader}: {what}",
            ours=[x[0] for x in ours],
            peer="plainest reading of every row, nobody matched",
            theirs=[x[0] for x in plain],
            note=(
                f"{ours[0][1]:,} events; imports included; peak {peak:.0f} MiB, of which {ours[0][3]:.0f} MiB are the "
                f"tables returned, against {max(x[2] for x in plain):.0f} MiB"
            ),
        )


if __name__ == "__main__":
    main()
