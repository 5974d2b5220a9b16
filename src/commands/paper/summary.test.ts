/** What the summary of a run says of its gateway. */
import { expect, test } from 'vitest'
import { type Ended, summaryOf, summaryTable } from './summary.js'

/** A run that did nothing. */
const ended = {
  ...{ run: 'r', account: 'DU1', ending: 'stop', reckoning: null },
  live: {
    state: { account: { position: [0, 0], fees: 0 }, equity: 5000, trades: 0 },
    options: {
      market: { symbols: ['NVDA', 'MSFT'], interval: '1m' },
      policy: { name: 'flat' },
      rules: { capital: 5000 },
    },
  },
  paper: { slippage: { seen: 0, modelled: 0 }, uptime: { all: 0, good: 0 } },
} as unknown as Ended

test.each([
  [0, false],
  [3, true],
])('%i times too fast are in the record, and in the table where they happened', (backOffs, isTold) => {
  const summary = summaryOf({ ...ended, backOffs })
  expect(summary.back_offs).toBe(backOffs)
  expect(summaryTable(summary).includes(`${backOffs} times that messages come too fast`)).toBe(isTold)
})
