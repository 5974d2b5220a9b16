import { badData, Failure, usage } from '../base/errors.js'
import { formatTime } from '../base/time.js'
import { readJournal } from '../broker/journal.js'
import { defineCommand } from '../cli/command.js'
import type { Context } from '../cli/context.js'
import { choice, under } from '../cli/options.js'
import { inLine } from '../cli/ui.js'
import { actionMask } from '../env/actions.js'
import { BlockWriter } from '../stream/sink.js'
import { type Drift, type DriftKind, deedsOf, driftOf } from '../trading/paper/drift.js'
import type { Retold } from '../trading/paper/retold.js'
import type { Policy } from '../trading/policy.js'
import { loadModel, policyOf } from './wiring/models.js'
import { isTable } from './wiring/output.js'
import { execTimeout, policyChoice, policyOption, preparedPolicy } from './wiring/policies.js'
import { modelPath } from './wiring/runs.js'
import { featuresOf } from './wiring/strategy.js'

const options = {
  ...under('Policy', {
    policy: { ...policyOption, defaultText: 'that of the journal' },
    'exec-timeout': execTimeout,
  }),
  ...under('Output', {
    format: choice('FORMAT', ['ndjson', 'table'], 'records, or a table', {
      short: 'f',
      defaultText: 'table on a terminal, else ndjson',
    }),
  }),
}

const CAUSES: Readonly<Record<DriftKind, string>> = {
  'missed-bar': 'the bar came too late to decide on',
  decision: 'another action or order',
  rejected: 'the broker rejected the order',
  cancelled: 'the order ended before it was filled',
  shares: 'another number of shares was filled',
  price: 'the market had another price, dollars a share',
  slippage: 'another slippage against that price, dollars a share',
  commission: 'another commission',
  pnl: 'P&L of the whole run, dollars',
}

export const drift = defineCommand({
  name: 'drift',
  summary: 'hold a day on paper against its replay',
  description: [
    'Replays the bars that a run of jules-paper(1) saw through the backtest, with the policy that decided, and says where the two differ and why: bars that came too late, other decisions, orders that were rejected or cancelled, prices, slippage and commissions. The last line is the P&L of both.',
    'A decision that differs is followed by others: a policy sees its positions. The first difference is the one to look at.',
    'A drift record has what paper and replay had (actions, signed shares, dollars a share, dollars), their difference, and why, as far as the journal has a cause: what kept a bar away, why data was not trusted, what the broker said of an order. A price is that of the market when the order met it, and slippage what was paid against it.',
    'A journal names the simple policies itself. One of a model has the digest of it: --policy model:PATH says where it is, and is refused where it is another one.',
  ],
  operands: [{ name: 'JOURNAL', help: 'the journal of a run', required: true, completes: 'file' }],
  options,
  examples: [
    { text: 'A day on paper, and what was different', shell: 'jules drift day.journal -f table' },
    { text: 'The same for a run of a model', shell: 'jules drift day.journal --policy model:latest' },
  ],
  exits: {
    65: 'a damaged journal, or another policy than that of the run',
    66: 'no such journal, or one without a decision',
  },
  seeAlso: ['paper', 'backtest'],
  run: async (context, given, [path = '']) => {
    const { events } = await readJournal(path)
    if (events.length === 0) throw new Failure('noInput', 'no journal', { where: path })
    const { run, paper } = deedsOf(events, path)
    if (run.past.bars < 2)
      throw new Failure('noInput', 'the journal has no bar after a decision', { where: path })
    const policy = await policyFor(context, given, run)
    const found = driftOf(run, paper, { policy, features: featuresOf(run.settings.features) })
    const table = isTable(context, given.format)
    const out = new BlockWriter(context.stdout())
    const lines = table ? tableOf(found) : found.map((one) => recordOf(run.run, one))
    for (const line of lines) await out.text(line)
    await out.drain()
  },
})

type Chosen = NonNullable<ReturnType<typeof policyChoice>>

/** The policy of the run: by its name, or as it is given; a model must be the very one. */
async function policyFor(
  context: Context,
  {
    policy: given,
    'exec-timeout': patience,
  }: { policy: Chosen | undefined; 'exec-timeout': number | undefined },
  { settings, market }: Retold,
): Promise<Policy> {
  const [word = '', seed = '1'] = settings.policy.split(' ')
  if (given === undefined && !['flat', 'buy-hold', 'random', 'sma-cross'].includes(word))
    throw usage(
      `--policy: the run was decided by ${word === 'model' ? 'a model' : word === 'exec' ? 'a program' : word}, and the journal does not say where that is`,
      {
        hint: 'name it, such as --policy model:RUN',
      },
    )
  const chosen = given ?? policyChoice(word)
  const prepared = await preparedPolicy(
    context,
    chosen,
    { seed: Number(seed), features: settings.features, 'exec-timeout': patience },
    'hold',
  )
  const model = chosen.kind === 'model' ? await loadModel(await modelPath(context, chosen.path)) : null
  const policy =
    prepared ??
    (await policyOf(model!, { market, features: settings.features, mask: actionMask(settings.longOnly) }))
  if ((policy.identity ?? policy.name) !== settings.policy || (model?.sha256 ?? null) !== settings.model)
    throw badData(
      `--policy: the run was decided by ${settings.policy}${settings.model === null ? '' : ` ${settings.model.slice(0, 12)}`}, not by this one`,
    )
  return policy
}

const recordOf = (run: string, { timeMs, symbol, kind, paper, replay, why }: Drift): string =>
  `${JSON.stringify({
    type: 'drift',
    time: formatTime(timeMs),
    run,
    symbol,
    kind,
    paper,
    replay,
    difference: paper === null || replay === null ? null : paper - replay,
    why,
  })}\n`

const ROWS = 20

function tableOf(found: readonly Drift[]): string[] {
  const pnl = found.at(-1)!
  const rest = found.slice(0, -1)
  const cell = (value: number | null) => (value === null ? '-' : String(Number(value.toFixed(6))))
  const row = (cells: readonly string[]) =>
    `${cells
      .map((one, i) => (i < 3 ? one.padEnd([21, 8, 11][i]!) : i < 5 ? one.padStart(14) : ` ${one}`))
      .join(' ')
      .trimEnd()}\n`
  const lines = rest
    .slice(0, ROWS)
    .map(({ timeMs, symbol, kind, paper, replay, why }) =>
      row([formatTime(timeMs), symbol ?? '', kind, cell(paper), cell(replay), inLine(why ?? '')]),
    )
  const kinds = [...new Set(rest.map(({ kind }) => kind))]
  return [
    ...(rest.length === 0
      ? ['no difference in decisions, fills, prices and costs\n']
      : [row(['time', 'symbol', 'kind', 'paper', 'replay', 'why']), ...lines]),
    ...(rest.length > ROWS ? [`... ${rest.length - ROWS} more\n`] : []),
    ...kinds.map((kind) => `${rest.filter((one) => one.kind === kind).length} x ${kind}: ${CAUSES[kind]}\n`),
    `P&L ${cell(pnl.paper)} on paper, ${cell(pnl.replay)} in the replay\n`,
  ]
}
