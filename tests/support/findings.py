"""Findings of the doctor as tests read them."""


def levels(findings):
    """Return the findings as text and remedy, by level."""
    found = {"ok": [], "note": [], "wrong": []}
    for each in findings:
        assert (each.level == "ok") <= (each.remedy == "")
        found[each.level].append(f"{each.text} → {each.remedy}")
    return found
