/**
 * How pages look: light, dark, on paper in grey, from 360 to 1440 pixels. Text stands out from what is behind it by at least 4.5 to 1
 * (WCAG 2.2, 1.4.3), and nothing is told by colour alone: signs, words, dashes and hatches say the same.
 */
import { labelRules } from './charts/labels.js'
import { Html } from './markup.js'

export const STYLE = `
:root { color-scheme: light dark;
  --bg: #fff; --panel: #f5f7f9; --fg: #17202a; --dim: #55606d; --rule: #d8dee5; --edge: #79838f;
  --good: #0b6b4f; --warn: #7a5200; --bad: #a8321a; --link: #1f5fa8;
  --s0: #1f5fa8; --s1: #b4530f; --s2: #6b4fa0; --s3: #0b7a75; --fill: #1f5fa824;
  --plus1: #d9f0e6; --plus2: #93d3b7; --plus3: #12714f; --minus1: #fbe2da; --minus2: #f3ab94; --minus3: #a8321a; --on3: #fff }
@media (prefers-color-scheme: dark) { :root {
  --bg: #12171d; --panel: #1a2129; --fg: #e7ebf0; --dim: #a7b2bf; --rule: #2e3843; --edge: #7d8894;
  --good: #5fd0a5; --warn: #f0c255; --bad: #ff9b85; --link: #7cb3f2;
  --s0: #7cb3f2; --s1: #f2a65a; --s2: #c0a6f0; --s3: #5ed3cc; --fill: #7cb3f22e;
  --plus1: #16352b; --plus2: #1d5c47; --plus3: #5fd0a5; --minus1: #43241c; --minus2: #77341f; --minus3: #ff9b85; --on3: #101418 } }
*, *::before, *::after { box-sizing: border-box }
html { scroll-padding-top: 3.5rem; -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
main, body > header, body > footer { max-width: 88rem; margin: 0 auto; padding: 0 1.5rem }
body > header { padding-top: 1.5rem } body > footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--dim); font-size: .85rem }
h1 { margin: 0; font-size: 1.5rem; line-height: 1.25 } h2 { margin: 0 0 .75rem; font-size: 1.2rem } h3 { margin: 0 0 .75rem; font-size: 1.05rem }
h4 { margin: 0 0 .5rem; font-size: .95rem }
p { margin: 0 0 .5rem } a { color: var(--link) } ul { margin: 0; padding-left: 1.1rem }
.dim, .none { color: var(--dim) } .none { margin: 0 } [data-none]:not(:empty) + .scroll { display: none } .good { color: var(--good) } .warn { color: var(--warn) } .bad { color: var(--bad) }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.skip { position: absolute; left: -99rem } .skip:focus { left: 1rem; top: 1rem; z-index: 2; padding: .5rem; background: var(--bg) }

nav { position: sticky; top: 0; z-index: 1; background: var(--bg); border-bottom: 1px solid var(--rule) }
nav ul { display: flex; gap: 0 1.1rem; max-width: 88rem; margin: 0 auto; padding: 0 1.5rem; overflow-x: auto; list-style: none }
nav a { display: block; padding: .6rem 0; color: var(--dim); font-size: .85rem; text-decoration: none; white-space: nowrap } nav a:hover, nav a:focus { color: var(--fg); text-decoration: underline }
section { margin: 2.25rem 0 0 } section > section { margin-top: 1.75rem }
.run { margin-top: 3.5rem; padding-top: 1.5rem; border-top: 3px solid var(--rule) }
.grid2, .grid3, .first, .lights { display: grid; gap: 1rem 1.5rem; align-items: start }
.grid2 { grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)) } .grid3 { grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)) }
[data-source] > .grid2 { margin-top: 1.25rem }
.grid2 > *, .grid3 > *, .first > * { min-width: 0 }
.box { padding: .9rem 1rem; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px }

.first { margin-top: 1.25rem; grid-template-columns: minmax(0, 25rem) minmax(0, 1fr) }
.verdict { height: 100%; border-left: 6px solid currentcolor; border-radius: 6px; background: var(--panel); padding: 1rem 1.1rem }
.verdict strong { display: block; font-size: 2.6rem; line-height: 1.05; letter-spacing: .02em }
.verdict p, .verdict li { color: var(--fg) } .verdict p { margin: .35rem 0 .6rem } .verdict ul, ul.signs { padding: 0; list-style: none } .verdict li { display: flex; gap: .5rem; padding: .15rem 0; font-size: .9rem; line-height: 1.4 }
.sign { flex: none; width: 1.1em; font-weight: 700; text-align: center }
.lights { margin: 0; grid-template-columns: repeat(auto-fit, minmax(min(100%, 11.5rem), 1fr)); gap: .75rem; align-items: stretch; grid-auto-rows: 1fr; height: 100% }
.light { padding: .7rem .85rem; background: var(--panel); border: 1px solid var(--rule); border-radius: 6px }
.light dt { display: flex; justify-content: space-between; gap: .5rem; color: var(--dim); font-size: .82rem } .light dt span { font-weight: 600; white-space: nowrap }
.light dd { margin: 0 } .light .value { font-size: 1.45rem; font-weight: 600; line-height: 1.3 } .light .words { color: var(--dim); font-size: .82rem; line-height: 1.35 }
.facts { display: grid; grid-template-columns: minmax(0, max-content) minmax(0, 1fr); gap: .15rem 1rem; margin: 0 } .facts dt { color: var(--dim); max-width: 14rem } .facts dd { margin: 0 } .grid3 .facts { font-size: .9rem; line-height: 1.4 }

table { border-collapse: collapse; width: 100%; font-size: .9rem } .scroll { overflow-x: auto } .scroll table { width: auto } .scroll .bars { width: 100%; min-width: 34rem } figure + .scroll, figure + .bars { margin-top: 1.25rem }
th, td { padding: .3rem 1.75rem .3rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--rule); font-weight: 400 }
th:last-child, td:last-child { padding-right: 0 }
.scroll td, .scroll th { overflow-wrap: normal } td.words { min-width: 14rem } .worded :is(th, td):not(.words) { white-space: nowrap }
thead th { border-top: 0; color: var(--dim); font-size: .82rem; vertical-align: bottom } .scroll thead th { white-space: nowrap }
.n { text-align: right; white-space: nowrap } .t, jules-trades .scroll :is(th, td) { white-space: nowrap } tr.total th, tr.total td { font-weight: 600 } tr.groupname th { padding-top: .9rem; color: var(--dim); font-size: .82rem; border-top: 0 }
.state { margin: 1.25rem 0; padding: .75rem 1rem; border-left: 6px solid currentcolor; border-radius: 6px; background: var(--panel); font-weight: 600 } td code { display: block; margin-top: .25rem; padding: .2rem .5rem; background: var(--panel); font: .8rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
.tag { display: inline-block; padding: 0 .5em; border: 1px solid var(--edge); border-radius: 1em; font-size: .8rem }
details { margin-top: .5rem } summary { color: var(--dim); font-size: .85rem; cursor: pointer } details .scroll { max-height: 22rem; overflow: auto; margin-top: .5rem }
.bars th:first-child { width: 20% } .grid3 .bars th:first-child { width: 34% } .bars th, .bars td { padding-right: .75rem } .bars :is(th, td):last-child { padding-right: 0 } .seen ~ tbody th { width: auto; white-space: nowrap } .seen ~ tbody td:nth-child(2) { width: 100% } .scroll .bars :is(th, td):not(:first-child) { padding-left: .75rem } .amount { display: flex; align-items: center; gap: .75rem } .amount .n { flex: none; min-width: 6.5em } .bar { flex: 1; min-width: 0; width: 100% }
.bars .own th, .bars .own .n { font-weight: 600 } .bars td > .dim { display: block; font-size: .82rem }
.up { fill: var(--s0) } .own .up { fill: var(--good) } .down { fill: var(--bad) }

figure { margin: 0 } figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1.5rem; margin-bottom: .35rem; font-weight: 600; font-size: .9rem }
figure + figure { margin-top: 1.5rem } figure + .none { margin-top: .75rem } .legend { display: flex; flex-wrap: wrap; gap: 0 1.25rem; font-weight: 400 } .key { margin-right: .4rem; vertical-align: middle }
svg text { fill: var(--dim); font: 12px/1 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums }
jules-chart { display: block; position: relative } .plot { display: flex } .values { flex: none } .lines { flex: 1; min-width: 0; width: 100%; overflow: visible }
.grid { stroke: var(--rule); stroke-width: 1; shape-rendering: crispedges } .zero { stroke: var(--edge); stroke-width: 1; shape-rendering: crispedges } .mark { stroke: var(--fg); stroke-width: 1; stroke-dasharray: 2 4 }
svg .halo { fill: var(--fg); paint-order: stroke; stroke: var(--bg); stroke-width: 3px; stroke-linejoin: round }
.line { fill: none; stroke: var(--s0); stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round }
.fill { fill: var(--fill); stroke: none }
.line.s1 { stroke: var(--s1) } .line.s2 { stroke: var(--s2) } .line.s3 { stroke: var(--s3) } .line.w1 { stroke-width: 2.6 } .line.w2 { stroke-width: .8 } .line.d1 { stroke-dasharray: 6 3 } .line.d2 { stroke-dasharray: 2 3 } .line.d3 { stroke-dasharray: 9 3 2 3 }
${labelRules}
.cell { stroke: var(--bg); stroke-width: 2 } .heat .lines { max-width: 46rem } .even { fill: var(--panel) }
.plus1 { fill: var(--plus1) } .plus2 { fill: var(--plus2) } .plus3 { fill: var(--plus3) } .minus1 { fill: var(--minus1) } .minus2 { fill: var(--minus2) } .minus3 { fill: var(--minus3) }
svg text.on { fill: var(--fg) } svg text.on.plus3, svg text.on.minus3 { fill: var(--on3) }
.calendar + p { margin-top: .75rem } .calendar { display: flex; flex-wrap: wrap; align-items: start; gap: 1rem 1.5rem } .calendar table { width: auto } .calendar th, .calendar td { width: 2.8rem; white-space: nowrap; padding: .2rem; border: 0; text-align: center; font-size: .82rem } .calendar caption { padding-bottom: .2rem; text-align: left; font-weight: 600; font-size: .82rem }
.calendar .error, .calendar .warning { border-radius: 4px; font-weight: 700 } .calendar .error { background: var(--minus3); color: var(--on3) } .calendar .warning { background: var(--minus1) } .calendar .fine { background: var(--panel) }

.calendar abbr { text-decoration: none } .calendar + .scroll { margin-top: 1.5rem }
nav a[aria-current] { color: var(--fg); font-weight: 600 } [data-rows] :is(th, td), [data-text=written] { white-space: nowrap }

.is-live .plot { display: none } .live { position: relative; border-radius: 4px } .readout { display: block; min-height: 1.5em; color: var(--dim); font-size: .85rem } .live .u-select { background: color-mix(in srgb, var(--s0) 18%, transparent) } .live .u-cursor-x { border-color: var(--edge) }
.tools { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: end; margin-bottom: .5rem } .tools label { display: grid; gap: .15rem; color: var(--dim); font-size: .82rem }
caption { padding-bottom: .3rem; text-align: left; font-weight: 600 } jules-trades { display: block; margin-top: 1.75rem } .tools select, .tools input { height: 2.2rem }
select, input { max-width: 100% } .tools label { min-width: 0; max-width: 100%; grid-template-columns: minmax(0, 1fr) }
button, select, input { padding: .3rem .6rem; border: 1px solid var(--edge); border-radius: 4px; background: var(--bg); color: var(--fg); font: inherit; font-size: .9rem } button { cursor: pointer } button:disabled { color: var(--dim); cursor: default }
th button { padding: 0; border: 0; background: none; color: inherit; font-size: inherit; white-space: nowrap } th button:hover { text-decoration: underline } .pages { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin-top: .5rem }

@media (max-width: 62rem) { .first { grid-template-columns: minmax(0, 1fr) } }
@media (max-width: 40rem) { main, body > header, body > footer, nav ul { padding-left: 1rem; padding-right: 1rem }
  .bars th:first-child { width: 34% } .worded thead { display: none } .worded tr { display: block; padding: .5rem 0; border-top: 1px solid var(--rule) } .worded tbody :is(th, td) { display: inline-block; padding: 0 .75rem 0 0; border: 0; text-align: left } .worded td.n::before { content: "× " } .worded td.words { display: block; min-width: 0; overflow-wrap: anywhere }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0 } .facts dd { margin-bottom: .4rem } .lights { grid-template-columns: repeat(2, minmax(0, 1fr)) } .lights { grid-auto-rows: auto } .light .value { font-size: 1.2rem; overflow-wrap: normal } .light dt { flex-direction: column; gap: 0 } .verdict strong { font-size: 2.2rem } .amount .n { min-width: 5.5em } }

@media print { @page { margin: 14mm }
  :root { font-size: 12px; color-scheme: light; --bg: #fff; --panel: #fff; --fg: #000; --dim: #333; --rule: #bbb; --edge: #666; --good: #000; --warn: #000; --bad: #000; --link: #000;
    --s0: #000; --s1: #000; --s2: #000; --s3: #000; --fill: #0002; --plus1: #fff; --plus2: #e4e4e4; --plus3: #c4c4c4; --minus1: #fff; --minus2: #e4e4e4; --minus3: #c4c4c4; --on3: #000 }
  body { font-size: 1rem } .first, .lights { gap: .5rem } .first { margin-top: .5rem } .lights { grid-template-columns: repeat(3, minmax(0, 1fr)) } .light { padding: .4rem .6rem } .light dt { flex-direction: column; gap: 0 } .light .value { font-size: 1.2rem } .grid3 { grid-template-columns: repeat(2, minmax(0, 1fr)) } nav, jules-trades, .live, details:not([open]), .skip { display: none } .is-live .plot { display: flex }
  main, body > header, body > footer { max-width: none; padding: 0 } body > footer { margin-top: .75rem } section { margin-top: 1.25rem } h2, h3, h4, figcaption { break-after: avoid }
  figure, .light, .verdict, tr, .box, .bars, .grid3 > *, figure + .scroll { break-inside: avoid } thead { display: table-header-group } .scroll { overflow: visible } .scroll :is(th, td) { padding-right: .8rem } details .scroll { max-height: none } .first { grid-template-columns: 16rem minmax(0, 1fr) }
  .up { fill: #777 } .down { fill: url(#hatch) } .run { break-before: page } .calendar .error { outline: 2px solid #000 } .calendar .warning { outline: 1px dashed #000 } }
`

/** What the rules refer to: hatches for falls on paper. Stands once in a page. */
export const PATTERNS = new Html(
  '<svg class="unseen" width="0" height="0" aria-hidden="true"><defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="5" height="5" fill="#fff"/><rect width="2" height="5" fill="#000"/></pattern></defs></svg>',
)
