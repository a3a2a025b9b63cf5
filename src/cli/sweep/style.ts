/** The look of a sweep's report: that of all reports, and what is told by colour. */
import { BASE } from '../style.ts';
import { LINKED, SHADES } from './plots.ts';

/** From the best to the worst. */
const shades = Array.from({ length: SHADES }, (_, i) => {
  const share = Math.round(100 * (1 - i / (SHADES - 1)));
  return `.c${i} { --shade: color-mix(in oklab, var(--good) ${share}%, var(--poor)); }`;
}).join('\n');

/** What is pointed at lights up in every picture and in the table. */
const linked = Array.from({ length: LINKED }, (_, i) => `main:has(.t${i}:hover) .t${i}`).join(',\n');

export const STYLE = `${BASE}
${shades}
.best { --shade: var(--best); }
b.best { color: var(--best); }
.line { fill: none; stroke: var(--shade); stroke-width: 1.4; stroke-linejoin: round; opacity: .8; }
.best .line { stroke-width: 2.6; opacity: 1; }
.reach { fill: none; stroke: transparent; stroke-width: 9; pointer-events: stroke; }
.dot { fill: var(--shade); stroke: var(--page); stroke-width: .75; }
.end { fill: var(--shade); }
.over { pointer-events: none; }
.over text { paint-order: stroke; stroke: var(--page); stroke-width: 4px; stroke-linejoin: round; }
.legend { display: inline-block; width: 7rem; height: .65rem; margin: 0 .25rem; border-radius: 2px; }
.legend rect { fill: var(--shade); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); gap: 1rem; }
figure { margin: 0; max-width: 420px; }
td:first-child, th:first-child { text-align: left; width: 3rem; }
td:first-child::before { content: ""; display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; margin-right: .5rem; background: var(--shade); }
tr.best td { font-weight: 600; }
:is(${linked}) { --shade: var(--best); }
:is(${linked}) .line { stroke: var(--best); stroke-width: 3; opacity: 1; }
:is(${linked}) .dot { r: 6px; }
tr:is(${linked}) { background: var(--card); }
`;
