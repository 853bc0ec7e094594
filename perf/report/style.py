"""The page's style sheet: light, dark, narrow, and on paper."""

from __future__ import annotations

from perf.report.palette import variables


def css() -> str:
    """The whole sheet, with the palette as variables."""
    light = "".join(f"{name}:{colour};" for name, colour, _ in variables().values())
    dark = "".join(f"{name}:{colour};" for name, _, colour in variables().values())
    return (
        f":root{{color-scheme:light dark;{light}--warn:#fdf3d8;--line:#e0b04a}}\n"
        "@media screen and (prefers-color-scheme:dark){"
        f":root{{{dark}--warn:#322a14;--line:#a8862f}}}}\n{_RULES}"
    )


_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 "DejaVu Sans",Verdana,system-ui,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:76rem;margin:0 auto;padding:2rem clamp(.9rem,3vw,2.5rem) 4rem}
h1{font-size:1rem;font-weight:400;color:var(--muted);margin:0}
h1 b{color:var(--ink)}
.verdict{font-size:clamp(1.15rem,2.4vw,1.6rem);line-height:1.4;margin:.6rem 0 1.2rem;
max-width:60rem;text-wrap:pretty}
.note{max-width:60rem;margin:.5rem 0;padding:.5rem .9rem;border-left:4px solid var(--grid);
background:var(--faint)}
.warn{background:var(--warn);border-color:var(--line)}
h2{font-size:1.15rem;margin:2.6rem 0 .3rem;padding-top:.7rem;border-top:1px solid var(--grid)}
h3{font-size:1rem;margin:1.4rem 0 .3rem}
p,figcaption{max-width:60rem;color:var(--muted);margin:.3rem 0 .8rem;overflow-wrap:anywhere}
.verdict,.note,.note p{color:var(--ink)}
nav{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin-top:1.2rem}
a{color:inherit;text-underline-offset:.2em;text-decoration-color:var(--muted)}
figure{margin:0}
.panels{columns:2 27rem;column-gap:2rem}
.panels>div{break-inside:avoid;padding-bottom:.8rem}
svg{width:100%;height:auto;max-width:40rem;display:block;overflow:visible}
.scroll{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;font-size:.84rem;font-variant-numeric:tabular-nums;
line-height:1.35}
th,td{padding:.3rem .65rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--grid);
vertical-align:baseline}
th{font-weight:600;color:var(--muted);vertical-align:bottom}
tbody th{color:var(--ink)}
th:first-child,td.text{text-align:left}
tr.group th{padding-top:1rem;color:var(--muted);font-weight:400}
td.why{text-align:left;white-space:normal;min-width:22rem;color:var(--muted);font-style:italic;
overflow-wrap:anywhere}
td.wrap{text-align:left;white-space:normal;overflow-wrap:anywhere}
i.swatch{display:inline-block;width:.7em;height:.7em;margin-right:.5em;border-radius:2px}
td b{font-weight:400}
td.sure b{font-weight:700}
td small{color:var(--muted)}
details{margin:.8rem 0}
summary{cursor:pointer;color:var(--muted)}
pre{background:var(--faint);padding:.8rem 1rem;overflow-x:auto;font-size:.82rem;
white-space:pre-wrap;overflow-wrap:anywhere}
@media (max-width:40rem){body{font-size:14px}main{padding-top:1.1rem}
td.why{min-width:14rem}tbody th{white-space:normal;min-width:8rem}th,td{padding:.3rem .45rem}}
@page{margin:14mm}
@media print{body{font-size:10pt}main{max-width:none;padding:0}nav{display:none}
h2{break-after:avoid}svg,tr,.note{break-inside:avoid}.scroll{overflow:visible}
table{font-size:7.5pt}th,td{padding:.2rem .35rem}
.panels{columns:auto}
.panels>div{display:inline-block;width:49%;vertical-align:top}
figure,figcaption{break-inside:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
