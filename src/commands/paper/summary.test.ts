/** What the summary of a run says of its gateway. */
import { expect, test } from 'vitest'
import { Account } from '../../portfolio/account.js'
import { type Ended, paperSummary } from '../../trading/paper/summary.js'
import { summaryTable } from './summary.js'

/** A run that did nothing. */
const ended = {
  ...{ run: 'r', account: 'DU1', venue: null, ending: 'stop', reckoning: null },
  live: {
    state: { account: new Account(5000), equity: 5000, trades: 0 },
    options: {
      market: { symbols: ['NVDA', 'MSFT'], interval: '1m', close: [[110], [50]], length: 1 },
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
  const summary = paperSummary({ ...ended, backOffs })
  expect(summary.back_offs).toBe(backOffs)
  expect(summaryTable(summary).includes(`${backOffs} times that messages come too fast`)).toBe(isTold)
})

test('what was executed after the newest bar is in the equity', () => {
  const account = new Account(5000)
  account.fill(0, 5, 100, 0.35, 0)
  const { live } = ended
  const late = { ...ended, live: { ...live, state: { ...live.state, account } } } as unknown as Ended
  const { equity, pnl, positions } = paperSummary({ ...late, backOffs: 0 })
  expect([equity, pnl, positions]).toEqual([5049.65, expect.closeTo(49.65, 9), { NVDA: 5, MSFT: 0 }])
})
