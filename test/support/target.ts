/** The store of a test in its own process: no options, no environment, no files of the developer's. */
import { inject, onTestFinished } from 'vitest'
import { Names, newBatch } from '../../src/market/bar.js'
import { putRow } from '../../src/market/fields.js'
import { MAX_BAR_BYTES, writeBar } from '../../src/market/formats/ndjson.js'
import { describe } from '../../src/market/problem.js'
import type { Target } from '../../src/store/connect.js'
import { PostgresStore } from '../../src/store/postgres.js'
import type { Counts, LoadOptions, Selection } from '../../src/store/store.js'
import { once } from './workdir.js'

export const targetOf = (dsn: string, more: Partial<Target> = {}): Target => ({
  dsn,
  schema: 'public',
  home: '/nonexistent',
  env: () => undefined,
  warn: () => {},
  secret: async () => '',
  lockTimeoutS: 30,
  allowCleartext: false,
  embedded: { signal: new AbortController().signal } as Target['embedded'],
  ...more,
})

export interface OwnTables {
  readonly schema: string
  readonly query: (text: string) => Promise<Record<string, unknown>[]>
  readonly target: (more?: Partial<Target>) => Target
  readonly open: (more?: Partial<Target>) => Promise<PostgresStore>
}

let count = 0

/** A schema of its own with these tables, dropped after the test: a database for each would take most of the time. */
export async function ownTables(sql = ''): Promise<OwnTables> {
  const schema = `own_${process.pid}_${count++}`
  const url = inject('serverUrl')
  const query = (text: string) => once(`${url}&options=-csearch_path%3D${schema}`, text)
  await query(`CREATE SCHEMA ${schema}; ${sql}`)
  onTestFinished(() => query(`DROP SCHEMA ${schema} CASCADE`).then(() => {}))
  const target = (more: Partial<Target> = {}) => targetOf(url, { schema, ...more })
  const open = async (more?: Partial<Target>) => {
    const store = await PostgresStore.open(target(more))
    onTestFinished(() => store.close())
    return store
  }
  return { schema, query, target, open }
}

/** Loads lines of bars as `load` does, and says what became of them. */
export async function putLines(
  store: PostgresStore,
  lines: string,
  options: Partial<LoadOptions> = {},
): Promise<Counts> {
  const objects = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const batch = newBatch(objects.length, new Names())
  for (const [i, object] of objects.entries()) {
    const problem = putRow(batch, object, i, { textual: false, symbol: undefined })
    if (problem !== null) throw new Error(describe(problem))
  }
  const load = await store.load({ onConflict: 'update', allowMock: false, ...options })
  try {
    await load.bars(batch)
    await load.finish()
  } finally {
    await load.settle()
  }
  return load.counts
}

/** The bars of the store as `export` prints them. */
export async function getLines(store: PostgresStore, selection: Selection = {}): Promise<string> {
  const buffer = Buffer.alloc(MAX_BAR_BYTES)
  let text = ''
  for await (const batch of store.bars(selection, new AbortController().signal)) {
    for (let i = 0; i < batch.length; i++) text += buffer.toString('utf8', 0, writeBar(buffer, 0, batch, i))
  }
  return text
}
