"""The colours of drawings, for light and for dark, told apart without colour vision.

It holds no shapes; those carry the meaning, colours repeat it.
"""

from typing import Final

_LIGHT: Final = """
--sw-ink:#16202c;--sw-soft:#566374;--sw-line:#dde3ea;--sw-paper:#fff;--sw-band:#f5f7fa;
--sw-fault:#b45309;--sw-fault-fill:#fdebd0;--sw-tint:#fdf3e3;--sw-out:#c2410c;--sw-out-fill:#f6c9b3;
--sw-steady:#1d5fa8;--sw-steady-fill:#dbe8f6;--sw-halt:#7c2d8a;
--sw-noticed:#b4232a;--sw-declared:#8a4b08;--sw-acknowledged:#7c5300;--sw-escalated:#7c2d8a;
--sw-mitigated:#1d5fa8;--sw-resolved:#0b7a53;"""

_DARK: Final = """
--sw-ink:#e8edf3;--sw-soft:#a5b1c0;--sw-line:#2f3a48;--sw-paper:#141b24;--sw-band:#1a232e;
--sw-fault:#f0a04b;--sw-fault-fill:#4a3110;--sw-tint:#2a2216;--sw-out:#ff8a5c;--sw-out-fill:#5c2a17;
--sw-steady:#79b4f2;--sw-steady-fill:#1d3450;--sw-halt:#d59be0;
--sw-noticed:#ff8080;--sw-declared:#f2b263;--sw-acknowledged:#f0cf5a;--sw-escalated:#d59be0;
--sw-mitigated:#79b4f2;--sw-resolved:#4fd1a0;"""

STYLE: Final = (
    ":root,.sw{" + _LIGHT.replace("\n", "") + "}"
    "@media (prefers-color-scheme:dark){:root,.sw{" + _DARK.replace("\n", "") + "}}"
    "@media print{:root,.sw{" + _LIGHT.replace("\n", "") + "}}"
    """
.sw{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
.sw text{fill:var(--sw-ink);font-size:12px}
.sw .sw-title{font-size:14px;font-weight:650}
.sw .sw-heading{font-size:18px;font-weight:700}
.sw .sw-soft{fill:var(--sw-soft)}
.sw .sw-small{font-size:11px}
.sw .sw-label{font-size:11px;stroke:var(--sw-paper);stroke-width:3px;stroke-opacity:.8;
paint-order:stroke}
.sw .sw-tiny{font-size:10px;fill:var(--sw-soft)}
.sw .sw-right{font-variant-numeric:tabular-nums}
.sw-paper{fill:var(--sw-paper)}.sw-band{fill:var(--sw-band)}.sw-tint{fill:var(--sw-tint)}
.sw-grid{stroke:var(--sw-line);stroke-width:1}
.sw-edge{stroke:var(--sw-fault);stroke-width:1;stroke-dasharray:3 3}
.sw-hatch-ground{fill:var(--sw-fault-fill)}
.sw-hatch-line{stroke:var(--sw-fault);stroke-width:2.4}
.sw-fault-edge{fill:none;stroke:var(--sw-fault);stroke-width:1.2}
.sw-open{fill:none;stroke:var(--sw-fault);stroke-width:1.4}
.sw-out{fill:var(--sw-out-fill)}
.sw-out-line{fill:none;stroke:var(--sw-out);stroke-width:1.8;stroke-linejoin:round}
.sw-steady{fill:none;stroke:var(--sw-steady);stroke-width:1.8;stroke-linejoin:round}
.sw-tolerance{fill:var(--sw-steady-fill);opacity:.55}
.sw-sample{fill:var(--sw-steady)}
.sw-cross{stroke:var(--sw-out);stroke-width:1.5;fill:none;stroke-linecap:round}
.sw-proof{stroke:var(--sw-ink);stroke-width:1.6;fill:none}
.sw-leader{stroke:var(--sw-soft);stroke-width:.8}
.sw-mark{stroke:var(--sw-paper);stroke-width:1.4;paint-order:stroke;stroke-linejoin:round}
.sw-noticed{fill:var(--sw-noticed);color:var(--sw-noticed)}
.sw-declared{fill:var(--sw-declared);color:var(--sw-declared)}
.sw-acknowledged{fill:var(--sw-acknowledged);color:var(--sw-acknowledged)}
.sw-escalated{fill:var(--sw-escalated);color:var(--sw-escalated)}
.sw-mitigated{fill:var(--sw-mitigated);color:var(--sw-mitigated)}
.sw-resolved{fill:var(--sw-resolved);color:var(--sw-resolved)}
.sw-dot{fill:var(--sw-soft);color:var(--sw-soft)}
.sw-hollow{fill:var(--sw-paper);stroke:currentColor;stroke-width:1.8;paint-order:normal}
.sw-halt{stroke:var(--sw-halt);stroke-width:1.6;stroke-dasharray:7 3}
.sw .sw-halt-label{fill:var(--sw-halt);font-size:11px;font-weight:600}
.sw-halted{fill:var(--sw-halt);opacity:.09}
.sw-pill{fill:var(--sw-paper);stroke-width:1.5}
.sw-pill-absorbed,.sw-pill-early_notice{stroke:var(--sw-resolved)}
.sw-pill-human_found{stroke:var(--sw-steady)}
.sw-pill-undetected{stroke:var(--sw-out);stroke-dasharray:5 3}
.sw-pill-none,.sw-pill-indeterminate,.sw-pill-not_started,.sw-pill-ineffective{
stroke:var(--sw-soft);stroke-dasharray:2 3}
.sw .sw-pill-text{font-weight:650;font-size:12.5px}
"""
)
"""The style sheet; put it once into a page or into a drawing that stands alone."""
