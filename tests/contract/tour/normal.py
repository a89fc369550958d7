"""Answers without what differs from one playing to the next: names, addresses, times.

Columns are aligned anew, because a name's length is a matter of chance as well.
"""

import re
from typing import Final

_SHOP: Final = "web|cart|catalog|checkout|payment|stock|storefront"
_AGE: Final = r"(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?m?s"
_REPLACED: Final = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uid>"),
        (rf"\b({_SHOP})-[a-z0-9]{{8,10}}-[a-z0-9]{{5}}\b", r"\1-<hash>-<pod>"),
        (rf"\b({_SHOP})-[a-z0-9]{{8,10}}\b(?!-)", r"\1-<hash>"),
        (rf"\b({_SHOP})-[a-z0-9]{{5}}\b(?!-)", r"\1-<id>"),
        (r"\bonce-[a-z0-9]{5}\b", "once-<pod>"),
        (r"(pod-template-hash[=:] ?\"?)[a-z0-9]{8,10}", r"\1<hash>"),
        (r"kube-api-access-\w{5}", "kube-api-access-<id>"),
        (r"(X509SHA256=)[0-9a-f]+", r"\1<id>"),
        (r"/tmp/kubectl-edit-\d+\.yaml", "/tmp/kubectl-edit-<id>.yaml"),
        (r"(LIVE|MERGED)-\d+", r"\1-<id>"),
        (r"practice://[0-9a-f]{32}", "practice://<id>"),
        (r"(practice-)[a-c]\b", r"\1<zone>"),
        (r"\b10\.(96|244)\.\d+\.\d+", "<address>"),
        (r"127\.0\.0\.1:\d+", "<loopback>"),
        (r"10\.0\.0\.1[1-3]|127\.0\.0\.1", "<address>"),
        (r"practice-[1-3](?=/<)", "practice-<n>"),
        (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "<time>"),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| \+0000(?: UTC)?)?", "<time>"),
        (r"(resourceVersion: )\"\d+\"", r"\1<version>"),
        (r"(\\\"resourceVersion\\\":\\\")\d+", r"\1<version>"),
        (rf"(?<![\w.=:/]){_AGE}(?![\w:])(?: ago)?", "<age>"),
        (r"<age> \(x\d+ over <age>\)", "<age>"),
    )
)
_NODE: Final = re.compile(r"\bpractice-[1-3]\b")
_GAP: Final = re.compile(r" {2,}")


def normal(output: str) -> list[str]:
    """The lines of an answer without what is a matter of chance."""
    for pattern, by in _REPLACED:
        output = pattern.sub(by, output)
    lines = [line.replace("\t", "    ").rstrip() for line in output.splitlines()]
    return _aligned(
        [_NODE.sub("practice-<n>", line) if "<pod>" in line else line for line in lines]
    )


def _aligned(lines: list[str]) -> list[str]:
    """The lines, with tables aligned to their widest cells and rows of chance names in order."""
    found: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if block and not line:
            found += _table(block)
            block = []
        if block or _is_head(line):
            block.append(line)
        else:
            found.append(line)
    return found[:-1]


def _is_head(line: str) -> bool:
    words = line.split()
    return len(words) >= 2 and (line.isupper() or words[:2] == ["Type", "Reason"])


def _table(block: list[str]) -> list[str]:
    """A table anew; one with empty cells stays as it is, because nobody can tell which they are."""
    rows = [_cells(line) for line in block]
    if len({len(row) for row in rows}) != 1:
        return block
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [lines[0], *_in_order(lines[1:])]


def _in_order(lines: list[str]) -> list[str]:
    """Rows whose order follows from a name of chance, in the order of the rest."""
    return sorted(lines) if any("<pod>" in line for line in lines) else lines


def _cells(line: str) -> list[str]:
    indent = len(line) - len(line.lstrip())
    cells = _GAP.split(line.strip())
    return [" " * indent + cells[0], *cells[1:]]
