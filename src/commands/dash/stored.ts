/** What a store says of data, looked at now and then. A store that is down is words on the page; the embedded one is never started. */
import { Failure, messageOf } from '../../base/errors.js'
import type { Context } from '../../cli/context.js'
import type { StoredQuality } from '../../dash/page-quality.js'
import { Quality } from '../../dash/quality.js'
import { embeddedOptions, type StoreFlags, storeName, storeTarget, withStore } from '../wiring/store.js'

/** Between two looks. */
const EVERY_MS = 60_000

/** Looks at once, and again until the run ends; gives what was found last. */
export function watchStore(context: Context, flags: StoreFlags): () => StoredQuality {
  let found: StoredQuality = { name: '', quality: null, words: 'not asked yet' }
  const look = async () => {
    found = await askStore(context, flags)
  }
  let asking = look()
  const timer = setInterval(() => {
    asking = asking.then(look)
  }, EVERY_MS)
  context.onEnd(async () => {
    clearInterval(timer)
    await asking
  })
  return () => found
}

async function askStore(context: Context, flags: StoreFlags): Promise<StoredQuality> {
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
      for (const record of await store.findings()) quality.take(record)
    })
    return { name, quality, words: '' }
  } catch (error) {
    if (context.signal.aborted) return { name, quality: null, words: 'not asked any more' }
    if (!(error instanceof Failure)) throw error
    return { name, quality: null, words: messageOf(error) }
  }
}
