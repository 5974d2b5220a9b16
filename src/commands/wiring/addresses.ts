/** Addresses on the network that are told what happens: how they are given, and how they are called. */
import { setTimeout as sleep } from 'node:timers/promises'
import { usage } from '../../base/errors.js'
import { SECOND } from '../../base/time.js'
import type { Context } from '../../cli/context.js'
import { option } from '../../cli/options.js'

/** What is refused is not shown: an address may hold a secret. */
function webAddress(given: string): string {
  if (!/^https?:\/\/\S+$/.test(given) || !URL.canParse(given))
    throw usage('expected an address that begins with http:// or https://')
  const { username, password } = new URL(given)
  if (username === '' && password === '') return given
  throw usage('expected an address without a name and a password in it')
}

/** The option for an address. It may hold a token. */
export const address = (help: string) => ({
  ...option<string | undefined>('URL', help, {}, webAddress),
  isSecret: true,
})

const PATIENCE_MS = 5 * SECOND
/** Between two tries. */
const PAUSE_MS = SECOND / 2

export interface Call extends Pick<RequestInit, 'method' | 'headers' | 'body'> {
  readonly ui: Context['ui']
  /** How long each try is waited for. */
  readonly patienceMs?: number | undefined
  readonly tries?: number
  /** Ends it at once, without a word. */
  readonly signal?: AbortSignal
}

/**
 * Calls an address, again where it does not answer or is in trouble. Whether it took what it was sent: what it did not is a warning,
 * never a failure. Never rejects.
 */
export async function call(
  url: string,
  { ui, patienceMs = PATIENCE_MS, tries = 1, signal, ...init }: Call,
): Promise<boolean> {
  let words = ''
  for (let left = tries; left > 0; left--) {
    if (signal?.aborted) return false
    const ending = new AbortController()
    const end = () => ending.abort()
    const timer = setTimeout(end, patienceMs)
    signal?.addEventListener('abort', end, { once: true })
    try {
      const answer = await fetch(url, { ...init, signal: ending.signal, redirect: 'manual' })
      await answer.body?.cancel()
      if (answer.ok) return true
      words = `answered ${answer.status}`
      if (answer.status < 500 && answer.status !== 429) break
    } catch {
      words = 'was not reached'
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
    }
    if (signal?.aborted) return false
    if (left > 1) await sleep(PAUSE_MS, undefined, { signal }).catch(() => {})
  }
  // The address may hold a secret: its host says enough.
  ui.warn(`${new URL(url).hostname} ${words}`)
  return false
}
