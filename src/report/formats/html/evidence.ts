/** What a result rests on: windows of a walk-forward, learning curves, the manifest, and what the run says of itself. */
import { grouped } from '../../../base/words.js'
import { numberAxis } from '../../../page/charts/axis.js'
import { barsOf } from '../../../page/charts/bars.js'
import { lineChart, lineWords } from '../../../page/charts/line.js'
import { type Html, html } from '../../../page/markup.js'
import { tableOf } from '../../../page/table.js'
import type { Learning, RunReport } from '../../model.js'
import { factsOf, gain, none, partOf } from './section.js'

/** Windows of a walk-forward, each tested on sessions after those that it was trained on. */
export function windows({ windows }: RunReport): Html {
  if (windows.length === 0) return none('The run has no windows.')
  return tableOf({
    name: 'Windows',
    columns: [
      ...[{ name: 'window' }, { name: 'trained on' }, { name: 'tested on' }],
      ...['sessions', 'net result', 'Sharpe', 'drawdown', 'trades'].map((name) => ({ name, isNumber: true })),
      { name: 'notes', isWords: true },
    ],
    rows: windows.map(({ window, trained, tested, sessions, pnl, sharpe, maxDrawdown, trades, notes }) => [
      ...[grouped(window, 0), trained, tested, grouped(sessions, 0), gain(pnl)],
      ...[
        sharpe === null ? '-' : grouped(sharpe, 2),
        // Summaries have either sign.
        partOf(maxDrawdown === null ? null : Math.abs(maxDrawdown)),
        grouped(trades, 0),
        notes.join('; '),
      ],
    ]),
  })
}

/** Reward and validation against steps of training. */
export function learning({ learning }: RunReport): Html {
  if (learning === null || learning.step.length === 0) return none('There are no learning curves.')
  const axis = numberAxis(learning.step)
  const curve = (title: string, values: readonly number[], group: string): Html => {
    const known = values.filter((value) => !Number.isNaN(value))
    if (known.length === 0) return none(`${title}: not measured.`)
    // What is measured now and then is a line between the measurements, not a point alone.
    const steps = learning.step.filter((_, k) => !Number.isNaN(values[k]!))
    return lineChart({
      title,
      summary: lineWords('dollars', known),
      unit: 'dollars',
      axis: known.length === values.length ? axis : numberAxis(steps),
      series: [{ name: title.toLowerCase(), values: known }],
      form: 'line',
      height: 220,
      group,
      table: {
        name: title,
        columns: [{ name: 'step' }, { name: 'dollars', isNumber: true }],
        rows: steps.map((step, k) => [grouped(step, 0), gain(known[k]!)]),
      },
    })
  }
  return html`<div class="grid2"><div>${curve('Mean reward of the last episodes', learning.reward, 'learning')}</div><div>${curve(
    'Net result on the validation sessions',
    learning.validation,
    'learning',
  )}${beside(learning)}</div></div>`
}

function beside({ rivals, validation }: Learning): Html | null {
  if (rivals.length === 0) return null
  const known = validation.filter((value) => !Number.isNaN(value))
  const best = known.length === 0 ? [] : [{ name: 'best validation', value: Math.max(...known), isOwn: true }]
  return barsOf({
    name: 'Best validation beside simple policies on the same sessions',
    heading: 'policy',
    values: 'net result',
    unit: 'dollars',
    bars: [...best, ...rivals.map(({ name, pnl, words }) => ({ name, value: pnl, words }))],
  })
}

/** Options and inputs. */
export const manifest = ({ manifest }: RunReport): Html =>
  manifest.length === 0 ? none('The run has no manifest.') : html`<div class="box">${factsOf(manifest)}</div>`

/** What the run says of itself. */
export const notes = (notes: readonly string[]): Html =>
  notes.length === 0
    ? none('There are no notes.')
    : html`<ul>${notes.map((note) => html`<li>${note}</li>\n`)}</ul>`
