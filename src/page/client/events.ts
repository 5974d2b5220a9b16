/**
 * One connection to the server for all pages of a browser that are open: browsers have six at most to a server, and the seventh page
 * would wait for one of the others to be closed. It runs as a shared worker; pages say `open` with the event that they have, and
 * `close` when they go.
 */

/** What is said to pages. */
type Said =
  | { readonly kind: 'event'; readonly type: string; readonly id: string; readonly data: string }
  /** How the connection stands, and the newest event that was passed on. */
  | { readonly kind: 'state'; readonly state: 'open' | 'lost' | 'refused'; readonly last: string }

const TYPES = ['texts', 'rows', 'open-orders', 'points', 'metrics', 'page']
/** A refused connection is not tried again by the browser. */
const AGAIN_MS = 5000

const ports = new Set<MessagePort>()
let source: EventSource | null = null
let state: 'open' | 'lost' | 'refused' = 'lost'
let last = ''

function say(said: Said): void {
  for (const port of ports) port.postMessage(said)
}

function stand(now: typeof state): void {
  state = now
  say({ kind: 'state', state, last })
}

function connect(): void {
  const own = new EventSource(`/events?after=${encodeURIComponent(last)}`)
  source = own
  for (const type of TYPES)
    own.addEventListener(type, ({ lastEventId, data }: MessageEvent<string>) => {
      last = lastEventId
      say({ kind: 'event', type, id: lastEventId, data })
    })
  own.addEventListener('open', () => stand('open'))
  own.addEventListener('error', () => {
    if (own.readyState !== EventSource.CLOSED) return stand('lost')
    if (source !== own) return
    source = null
    stand('refused')
    setTimeout(() => {
      if (source === null && ports.size > 0) connect()
    }, AGAIN_MS)
  })
}

/** A page; `after` is the event that it has in it. */
function welcome(port: MessagePort, after: string): void {
  ports.add(port)
  if (source === null) {
    last = after
    connect()
  } else port.postMessage({ kind: 'state', state, last } satisfies Said)
}

function leave(port: MessagePort): void {
  ports.delete(port)
  if (ports.size > 0) return
  source?.close()
  source = null
}

const scope = globalThis as unknown as { onconnect: (event: MessageEvent) => void }
scope.onconnect = ({ ports: [port] }) => {
  port!.onmessage = ({ data }: MessageEvent<{ kind: 'open' | 'close'; after: string }>) => {
    if (data.kind === 'open') welcome(port!, data.after)
    else leave(port!)
  }
}

export {}
