/**
 * The page that a manager opens: one file that loads nothing, in which everything comes from the report. The verdict is first, then
 * what it rests on; where something is not known, a sentence says so.
 */
import { clientScript, uplotScript, uplotStyle } from '../../page/assets.js'
import { documentOf } from '../../page/document.js'
import { type Html, html } from '../../page/markup.js'
import { PATTERNS, STYLE } from '../../page/style.js'
import { spanWords } from '../honesty.js'
import type { Report, RunReport } from '../model.js'
import { comparison } from './html/comparison.js'
import { learning, manifest, notes, windows } from './html/evidence.js'
import { firstScreen } from './html/first.js'
import { quality } from './html/quality.js'
import { equity, figures, months, positions, whenEarned } from './html/results.js'
import { heading, none, type Section, sectionOf } from './html/section.js'
import { actions, bySymbol, risk, slippage, trades } from './html/trading.js'

/** The page of a report, as one text. */
export function htmlOf(report: Report): string {
  const { runs } = report
  const title =
    runs.length === 1
      ? runs[0]!.name
      : runs.length === 0
        ? 'Quality of the data'
        : `${runs.length} runs side by side`
  return documentOf({
    title: `${title} \u2013 jules report`,
    styles: [{ text: uplotStyle() }, { text: STYLE }],
    scripts: [
      { text: uplotScript(), isModule: false },
      { text: clientScript('chart'), isModule: true },
      { text: clientScript('trades'), isModule: true },
    ],
    body: html`<a class="skip" href="#content">To the content</a>
${PATTERNS}
${runs.length === 1 ? ofOne(report, runs[0]!) : ofSeveral(report, title)}
<footer>Made by jules report; the same numbers stand in its other formats${runs.length === 0 ? '' : ' and in the summary of the run'}.</footer>`,
  })
}

function ofOne(report: Report, run: RunReport): Html {
  const sections = [...sectionsOf(run, ''), ...commonSections(report)]
  return html`<header><h1>${run.name}</h1>
${subtitle(run)}</header>
${navigation(sections)}
<main id="content">
${firstScreen(run, 2)}
${sections.map((section) => sectionOf(section, 2))}</main>`
}

function ofSeveral(report: Report, title: string): Html {
  const { runs } = report
  const first: Section[] =
    runs.length === 0
      ? report.quality === null
        ? [{ id: 'comparison', title: 'Runs', body: none('There is no run in the inputs.') }]
        : []
      : [{ id: 'comparison', title: 'Side by side', body: comparison(report) }]
  const common = commonSections(report)
  const anchors = runs.map(({ name }, k) => ({ id: `run${k + 1}`, title: name }))
  return html`<header><h1>${title}</h1></header>
${navigation([...first, ...anchors, ...common])}
<main id="content">
${first.map((section) => sectionOf(section, 2))}
${runs.map(
  (run, k) => html`<section class="run" id="${`run${k + 1}`}">${heading(2, run.name)}
${subtitle(run)}
${firstScreen(run, 3)}
${sectionsOf(run, `run${k + 1}-`).map((section) => sectionOf(section, 3))}</section>
`,
)}${common.map((section) => sectionOf(section, 2))}</main>`
}

const KINDS: Readonly<Record<RunReport['kind'], string>> = {
  paper: 'Paper trading',
  backtest: 'Backtest',
  evaluation: 'Walk-forward evaluation',
  training: 'Training',
  records: 'Records',
}

const subtitle = ({ kind, money, symbols, span, place }: RunReport): Html =>
  html`<p class="dim">${KINDS[kind]}${symbols.length === 0 ? '' : ` of ${symbols.join(', ')}`}${
    span === null ? ', sessions not known' : `, ${spanWords(span)}`
  } <span class="tag">${money}</span> from ${place}; times are of New York</p>`

const navigation = (sections: readonly Pick<Section, 'id' | 'title'>[]): Html =>
  html`<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>\n`)}</ul></nav>`

function sectionsOf(run: RunReport, prefix: string): Section[] {
  const section = (id: string, title: string, body: Html): Section => ({ id: `${prefix}${id}`, title, body })
  const evidence = [
    // Only these have any.
    ...(run.kind === 'evaluation' || run.windows.length > 0
      ? [section('windows', 'Windows', windows(run))]
      : []),
    ...(run.kind === 'training' || run.learning !== null
      ? [section('learning', 'Learning', learning(run))]
      : []),
  ]
  const about = [section('manifest', 'Manifest', manifest(run)), section('notes', 'Notes', notes(run.notes))]
  const isBare = run.curve === null && run.trades.length === 0
  // A training holds no account: nothing was traded that could be shown.
  if (run.kind === 'training' && isBare)
    return [...evidence, section('figures', 'Figures', figures(run)), ...about]
  if (run.kind === 'evaluation' && isBare) {
    const words = 'An evaluation writes its windows, and no equity and no fills: there is no curve of it.'
    return [
      section('figures', 'Figures', figures(run)),
      ...evidence,
      section('equity', 'Equity and trades', none(words)),
      ...about,
    ]
  }
  return [
    section('figures', 'Figures', figures(run)),
    section('months', 'Months', months(run)),
    section('equity', 'Equity and drawdown', equity(run, `${prefix}curve`)),
    section('positions', 'Positions', positions(run, `${prefix}curve`)),
    section('when', 'When it earned', whenEarned(run)),
    section('actions', 'Positions chosen', actions(run)),
    section('symbols', 'Symbols', bySymbol(run)),
    section('trades', 'Trades', trades(run)),
    section('risk', 'Risk events', risk(run)),
    section('slippage', 'Slippage', slippage(run)),
    ...evidence,
    ...about,
  ]
}

const commonSections = ({ quality: findings, notes: words }: Report): Section[] => [
  { id: 'quality', title: 'Data quality', body: quality(findings) },
  ...(words.length === 0 ? [] : [{ id: 'inputs', title: 'Inputs', body: notes(words) }]),
]
