/** What the broker knows against what the journal explains, answer by answer. */
import { expect, test } from 'vitest'
import { CANCEL } from '../../portfolio/orders.js'
import type { OrderDesk } from './desk.js'
import type { Notes } from './notes.js'
import type { PaperOptions } from './options.js'
import { Reconciliation } from './reconciliation.js'
import type { SentOrder } from './replayed.js'

const BAR_MS = 60_000
const sent: SentOrder = { order: 1, id: 7, ref: 'jules:r:1', symbol: 0, shares: 5, decidedMs: BAR_MS }

interface World {
  readonly open?: readonly { ref: string; id: number }[]
  readonly executions?: readonly { ref: string; exec: string; revision: number; shares: number }[]
  readonly completed?: readonly { ref: string }[]
  /** Shares of the first symbol at the broker; the books have none. */
  readonly held?: number
  readonly nowMs?: number
  readonly dryRun?: boolean
  readonly adopt?: boolean
}

/** What a look at the broker did. */
async function looked(world: World, hasBegun: boolean): Promise<string[]> {
  const { open = [], executions = [], completed = [], held = 0, nowMs = BAR_MS, dryRun = false } = world
  const did: string[] = []
  let ours = 0
  const options = {
    dryRun,
    adopt: world.adopt ?? false,
    broker: {
      state: 'ready',
      account: 'DU1',
      openOrders: async () => open,
      executions: async () => executions,
      completedOrders: async () => completed,
      positions: async () => [{ symbol: 'NVDA', kind: 'STK', account: 'DU1', shares: held }],
    },
    live: {
      t: 0,
      options: {
        market: { symbols: ['NVDA', 'MSFT'], close: [[100], [50]], endOf: () => BAR_MS, intervalMs: BAR_MS },
      },
      adopt: (_: number, shares: number) => {
        ours += shares
        did.push(`adopt ${shares}`)
      },
    },
    clock: { now: () => nowMs },
    later: (call: () => void) => {
      setImmediate(call)
      return () => {}
    },
    tell: { alarm: (kind: string) => did.push(`alarm ${kind}`) },
  } as unknown as PaperOptions
  const desk = {
    execution: () => {},
    settle: () => {},
    working: () => [sent],
    found: (_: SentOrder, id: number) => did.push(`found ${id}`),
    cancel: () => did.push('cancel'),
    report: (_: SentOrder, kind: number) => did.push(kind === CANCEL ? 'ended' : 'other'),
    resend: async () => did.push('resent'),
    held: (symbol: number) => (symbol === 0 ? ours : 0),
  } as unknown as OrderDesk
  const notes = { note: () => {}, write: async () => {} } as unknown as Notes
  const books = new Reconciliation(options, notes, desk, async () => {
    did.push('halt')
  })
  if (hasBegun) books.begin()
  await books.reconcile()
  expect(books.isDone).toBe(true)
  return did
}

const OURS = { ref: sent.ref }
const late = { nowMs: 3 * BAR_MS }

test.each<[string, World, string[]]>([
  ['an order without a trace goes again while it is fresh', {}, ['resent']],
  ['an old one without a trace has ended', late, ['ended']],
  ['one that is open goes on', { open: [{ ...OURS, id: 9 }] }, ['found 9']],
  ['an old one that is open is cancelled', { ...late, open: [{ ...OURS, id: 9 }] }, ['found 9', 'cancel']],
  ['one that was filled', { executions: [{ ...OURS, exec: 'e', revision: 1, shares: 5 }] }, []],
  [
    'one that was filled in part',
    { executions: [{ ...OURS, exec: 'e', revision: 1, shares: 2 }] },
    ['ended'],
  ],
  [
    'one whose executions were corrected: the correction counts, not the sum',
    {
      executions: [
        { ...OURS, exec: 'e', revision: 2, shares: 3 },
        { ...OURS, exec: 'e', revision: 1, shares: 5 },
      ],
    },
    ['ended'],
  ],
  ['one that is done', { completed: [OURS] }, ['ended']],
  [
    'shares that nothing explains halt, and no order goes again',
    { held: 3 },
    ['alarm reconcile', 'halt', 'ended'],
  ],
  ['nothing is asked where nothing is sent', { dryRun: true, held: 3 }, []],
])('%s', async (_, world, did) => {
  expect(await looked(world, true)).toEqual(did)
})

test('before the run has begun shares that nothing explains are refused, or taken over', async () => {
  await expect(looked({ held: 3 }, false)).rejects.toMatchObject({ kind: 'data' })
  expect(await looked({ held: 3, adopt: true }, false)).toEqual(['adopt 3', 'resent'])
})
