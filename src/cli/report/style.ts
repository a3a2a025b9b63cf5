/** The look of a run's report: that of all reports, its lines, its confusion matrix, its mistakes. */
import { BASE } from '../style.ts';
import { SHADES } from './confusion.ts';

/** From none of a class to all of it. */
const shades = Array.from(
  { length: SHADES + 1 },
  (_, i) => `.h${i} { background: color-mix(in oklab, var(--shade) ${Math.round((85 * i) / SHADES)}%, var(--page)); }`,
).join('\n');

export const STYLE = `${BASE}
:root { --s0: #0a58ca; --s1: #e8590c; --s2: #2b8a3e; --s3: #9c36b5; --s4: #0c8599; --s5: #c2255c; --right: #0a58ca; --wrong: #e8590c; }
@media (prefers-color-scheme: dark) {
  :root { --s0: #74b4ff; --s1: #ff9a4a; --s2: #69db7c; --s3: #da77f2; --s4: #3bc9db; --s5: #f783ac; --right: #3d8bfd; --wrong: #fd7e14; }
}
.s0 { --line: var(--s0); } .s1 { --line: var(--s1); } .s2 { --line: var(--s2); }
.s3 { --line: var(--s3); } .s4 { --line: var(--s4); } .s5 { --line: var(--s5); }
polyline { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
.d1 polyline { stroke-dasharray: 7 4; } .d2 polyline { stroke-dasharray: 2 3; }
.band { fill: var(--line); opacity: .2; }
.dot { fill: var(--line); }
.diagonal { stroke: var(--quiet); stroke-dasharray: 5 5; }
.keys span { margin-right: 1.4rem; white-space: nowrap; }
.key { display: inline-block; width: 20px; height: 8px; margin-right: .4rem; }
.warning { border-left: 3px solid var(--best); padding-left: .8rem; color: var(--text); }
.confusion { width: auto; }
.confusion td { text-align: center; min-width: 2rem; border: 1px solid var(--page); --shade: var(--wrong); }
.confusion td.right { --shade: var(--right); }
.results { width: auto; } .results .mean td { font-weight: 600; border-top: 2px solid var(--rule); } .results th:first-child { text-align: left; }
.confusion th { border: 0; } .confusion td.share { color: var(--quiet); } .confusion .none { color: var(--rule); }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); gap: 1rem; padding: 0; list-style: none; }
.mistakes img { width: 100%; image-rendering: pixelated; border: 1px solid var(--rule); border-radius: 4px; }
.mistakes small { display: block; color: var(--quiet); }
.square { max-width: 520px; }
${shades}
`;
