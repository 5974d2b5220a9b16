/** What a manager sees first: go or no go and why, the lights, what else could have been done, what costs do, and how it was got. */
import { barsOf } from '../../../page/charts/bars.js'
import { type Html, html } from '../../../page/markup.js'
import { breakEvenWords } from '../../break-even.js'
import type { GoNoGo, Light, RunReport } from '../../model.js'
import { factsOf, figureOf, heading, none } from './section.js'

/** A sign and a word for each state, so that no colour is needed. */
export const STATES: Readonly<
  Record<Light['state'], { readonly sign: string; readonly word: string; readonly tone: string }>
> = {
  good: { sign: '✓', word: 'good', tone: 'good' },
  warn: { sign: '!', word: 'watch', tone: 'warn' },
  bad: { sign: '✗', word: 'missed', tone: 'bad' },
  none: { sign: '–', word: 'not known', tone: 'dim' },
}

/** The first screen of a run, below headings of a level. */
export function firstScreen(run: RunReport, level: number): Html {
  // A training earns nothing that could be held against anything.
  const isOfTraining = run.kind === 'training' && run.rivals.length === 0 && run.costs === null
  const others = html`<section>${heading(level, 'Against the others')}
${rivals(run)}</section>
<section>${heading(level, 'If costs were other')}
${costs(run)}</section>
`
  return html`<div class="first">
${verdict(run.verdict)}
${run.lights.length === 0 ? none('Nothing is known that could be held against a limit.') : html`<dl class="lights">${run.lights.map(light)}</dl>`}
</div>
<div class="grid3">
${isOfTraining ? null : others}<section>${heading(level, 'What this is')}
<div class="box">${run.honesty.length === 0 ? none('Nothing is known of how it was got.') : factsOf(run.honesty)}</div></section>
</div>
`
}

const verdict = ({ go, gate, reasons }: GoNoGo): Html =>
  html`<div class="verdict ${go ? 'good' : 'bad'}"><strong>${go ? '✓ GO' : '✗ NO-GO'}</strong>
<p>Gate: ${gate}</p>
${
  reasons.length === 0
    ? none('No reason is given.')
    : html`<ul>${reasons.map(
        ({ met, words }) =>
          html`<li><span class="sign ${met ? 'good' : 'bad'}" aria-hidden="true">${met ? '✓' : '✗'}</span><span><span class="unseen">${
            met ? 'for: ' : 'against: '
          }</span>${words}</span></li>\n`,
      )}</ul>`
}</div>`

const light = ({ name, state, shown, words }: Light): Html => {
  const { sign, word, tone } = STATES[state]
  return html`<div class="light"><dt>${name}<span class="${tone}">${sign} ${word}</span></dt><dd class="value">${shown}</dd><dd class="words">${words}</dd></div>
`
}

function rivals(run: RunReport): Html {
  if (run.rivals.length === 0) return none('The run was held against no other policy.')
  const own = figureOf(run, 'pnl')
  const bars = run.rivals.map(({ name, pnl, words }) => ({ name, value: pnl, words }))
  return barsOf({
    name: 'Net result beside that of other policies',
    heading: 'policy',
    values: 'net result',
    unit: 'dollars',
    bars:
      own === undefined
        ? bars
        : [{ name: 'this run', value: own.value, words: own.reason ?? '', isOwn: true }, ...bars],
  })
}

function costs(run: RunReport): Html {
  if (run.costs === null) return none('Its result at other costs is not known.')
  const { points } = run.costs
  const words = breakEvenWords(run.costs)
  return html`${barsOf({
    name: 'Net result at multiples of the costs paid',
    heading: 'costs',
    values: 'net result',
    unit: 'dollars',
    bars: points.map(({ multiple, pnl }) => ({
      name: multiple === 1 ? 'as paid' : multiple === 0 ? 'none' : `${multiple} times`,
      value: pnl,
      isOwn: multiple === 1,
    })),
  })}
<p class="dim">${words.charAt(0).toUpperCase()}${words.slice(1)}.</p>`
}
