import { usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { choice, under } from '../../cli/options.js'
import { evaluateReturns, returnsOptions, returnsWords } from './returns.js'

export const evaluate = defineCommand({
  name: 'evaluate',
  summary: 'say what a result proves',
  description: [...returnsWords],
  options: {
    ...returnsOptions,
    ...under('Output', {
      format: choice('FORMAT', ['ndjson', 'table'], 'records, or lines for people', {
        short: 'f',
        defaultText: 'table on a terminal, else ndjson',
      }),
    }),
  },
  examples: [
    {
      text: 'The best of 40 trials, whose Sharpe ratios of a session spread by 0.05',
      shell: 'jules evaluate --returns daily.ndjson --trials 40 --trial-sharpe-std 0.05',
    },
  ],
  exits: { 65: 'a row that is no return', 66: 'no such file, or no row in it', 74: 'reading failed' },
  seeAlso: ['backtest', 'runs', 'metrics.7'],
  run: async (context, options) => {
    const { returns } = options
    if (returns === undefined) throw usage('expected --returns FILE')
    await evaluateReturns(context, { ...options, returns })
  },
})
