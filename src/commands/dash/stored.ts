/** What a store says of data, looked at now and then. A store that is down is words on the page; the embedded one is never started. */
import { Failure } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import type { StoredQuality } from '../../dash/page-quality.js'
import { MOST_DAYS, MOST_ROWS, Quality } from '../../dash/quality.js'
import { embeddedOptions, type StoreFlags, storeName, storeTarget, withStore } from '../wiring/store.js'

const EVERY_MS = 60_000

export interface Watching {
  /** It says something else than the last time. */
  readonly changed: () => void
  /** What was thrown that is no failure of the store. */
  readonly failed: (error: unknown) => void
  /** Between two looks. */
  readonly everyMs?: number
}

/** Looks at once, and again until the run ends; gives what was found last. */
export function watchStore(
  context: Context,
  flags: StoreFlags,
  { changed, failed, everyMs = EVERY_MS }: Watching,
): () => StoredQuality {
  let found: StoredQuality = { name: '', quality: null, words: '' }
  let timer: NodeJS.Timeout | undefined
  let hasEnded = false
  const look = async () => {
    const now = await askStore(context, flags)
    const isOther = said(now) !== said(found)
    found = now
    if (isOther) changed()
    // One that takes long is not asked a second time meanwhile.
    if (!hasEnded) timer = setTimeout(begin, everyMs)
  }
  let asking: Promise<void>
  const begin = () => {
    asking = look().catch(failed)
  }
  begin()
  context.onEnd(async () => {
    hasEnded = true
    clearTimeout(timer)
    await asking
  })
  return () => found
}

/** All that is shown of it. */
const said = ({ name, quality, words }: StoredQuality): string =>
  JSON.stringify([name, words, quality === null ? null : [[...quality.days], quality.rows]])

/** Asks it now. */
export async function askStore(context: Context, flags: StoreFlags): Promise<StoredQuality> {
  let name = ''
  try {
    name = await storeName(context, flags)
    const [{ endpointOf }, { serverState }] = await Promise.all([
      import('../../store/endpoint.js'),
      import('../../store/embedded.js'),
    ])
    const isEmbedded = (await endpointOf(storeTarget(context, flags))) === null
    if (isEmbedded && !(await serverState(embeddedOptions(context))).running)
      return { name, quality: null, words: 'the embedded database is not running: jules db start' }
    const quality = new Quality()
    await withStore(context, flags, async (store) => {
      const { days, newest } = await store.findings({ dates: MOST_DAYS, rows: MOST_ROWS })
      for (const { day, severity, found } of days) quality.found(day, severity ?? '', found)
      for (const record of newest) quality.tell(record)
    })
    return { name, quality, words: '' }
  } catch (error) {
    // Nobody looks any more.
    if (context.signal.aborted) return { name, quality: null, words: '' }
    if (!(error instanceof Failure)) throw error
    const { message, hint } = error
    return { name, quality: null, words: hint === undefined ? message : `${message} (${hint})` }
  }
}
