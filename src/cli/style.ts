/** The look of the reports, light and dark. */

export const BASE = `
:root {
  color-scheme: light dark; font: 15px/1.55 system-ui, sans-serif;
  --page: #fff; --text: #1c232d; --quiet: #667180; --rule: #e3e7ec; --card: #f6f8fa;
  --good: #0a58ca; --poor: #d3d9e1; --best: #e8590c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --text: #e4e8ee; --quiet: #909baa; --rule: #2a313b; --card: #1a2029;
    --good: #74b4ff; --poor: #39424e; --best: #ff9a4a;
  }
}
body { margin: 0; background: var(--page); color: var(--text); }
main { max-width: 1040px; margin: 2.5rem auto 4rem; padding: 0 1.25rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1.25rem; }
h2 { font-size: 1.1rem; margin: 2.75rem 0 .25rem; }
p { margin: .25rem 0 .75rem; color: var(--quiet); }
:where(svg:not(.inner)) { display: block; width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--quiet); font-variant-numeric: tabular-nums; }
svg .name { font-size: 13px; font-weight: 600; fill: var(--text); }
.axis { stroke: var(--quiet); stroke-width: 1; }
.grid { stroke: var(--rule); }
.card { background: var(--card); border: 1px solid var(--rule); border-left: 4px solid var(--best); border-radius: 8px; padding: 1.1rem 1.4rem; }
.card p { margin: .9rem 0 0; }
.score strong { font-size: 2.2rem; line-height: 1.1; font-variant-numeric: tabular-nums; }
.score small { font-size: 1.1rem; color: var(--quiet); }
.score span { display: block; color: var(--quiet); }
.values { display: flex; flex-wrap: wrap; gap: .4rem 2.2rem; margin: .9rem 0 0; }
.values dd { margin: 0; font-size: 1.1rem; font-weight: 600; font-variant-numeric: tabular-nums; }
dt { color: var(--quiet); }
code { font: 13px/1.5 ui-monospace, monospace; color: var(--text); overflow-wrap: anywhere; user-select: all; }
main > dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
main > dl dd { margin: 0; }
.wide { overflow-x: auto; } .wide > svg { min-width: 720px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .75rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
th { font-weight: 600; color: var(--quiet); }
details { margin-top: 1rem; } summary { cursor: pointer; color: var(--quiet); }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--rule); border-radius: 8px; font: 13px/1.5 ui-monospace, monospace; }
@media print { main { max-width: none; } .card { break-inside: avoid; } svg { break-inside: avoid; } }
`;
