"""Drawing by hand-written SVG: tags, lettering, axes, marks and strips.

It knows no day and no debrief; `reports.swimlane` and `reports.zoom` arrange what is here.
"""
