/**
 * Keeps a page of `jules dash` in step with what happens: texts, rows and points of curves come as events, each with a number. What
 * cannot be told in steps is had by asking for the page again. The page is whole without this. Everything from outside becomes text,
 * or nodes of a page that the server has escaped; nothing becomes markup here.
 */

/** What `update` of `<jules-chart>` takes, as far as it matters here. */
interface ChartData {
  readonly at: number[]
  readonly times?: number[]
  readonly series: readonly { readonly values: (number | null)[] }[]
}

/** A `<jules-chart>`; without `numbers` where its script is not there yet. */
interface Chart extends HTMLElement {
  readonly numbers?: ChartData
  update(data: ChartData): void
}

interface Texts {
  readonly id: string
  readonly texts: Readonly<Record<string, string>>
}
interface Rows {
  readonly id: string
  readonly rows: Readonly<Record<string, readonly (readonly string[])[]>>
}
interface Open {
  readonly id: string
  readonly rows: readonly (readonly string[])[]
}
interface Points {
  readonly id: string
  readonly points: readonly (readonly [number, number, number])[]
}
interface Metrics {
  readonly id: string
  readonly points: readonly (readonly [string, number, number])[]
}

/** An event: its number, and JSON. */
interface Told {
  readonly type: string
  readonly id: string
  readonly data: string
}
/** How the connection stands, as `events.ts` says it. */
interface State {
  readonly kind: 'state'
  readonly state: 'open' | 'lost' | 'refused'
  /** The newest event that went by; empty where none did. */
  readonly last: string
}

const WORDS = {
  open: 'Live: what happens is shown as it happens.',
  lost: 'Not live: the connection is lost, and tried again.',
  refused: 'Not live: the server refuses more readers, or asks for its token again; it is tried again.',
}
/** A refused connection is not tried again by the browser. */
const AGAIN_MS = 5000

/** Rows of a table, and points of a curve, that a page grows to before it is had anew. */
const MOST_ROWS = 20
const MOST_POINTS = 4000
/** Between two askings for the page. */
const ASK_EVERY_MS = 1000
/** Curves of several runs are had anew. */
const COMPARED_EVERY_MS = 5000
/** What stands still beside a curve that goes on, the drawing that is printed and the table of its numbers, is had anew. */
const STILL_EVERY_MS = 60_000

const link = document.getElementById('link')
const main = (): HTMLElement | null => document.getElementById('main')

/** The event that the page has in it: its process and its number. */
let shown = main()?.dataset.after ?? ''
/** Events that came while the page was asked for. */
let waiting: Told[] | null = null
let askedMs = 0
let asking = 0
let stilling = 0

/** Elements of a source; the id stands in an attribute, and is compared as a text. */
const partsOf = (id: string): HTMLElement[] =>
  [...document.querySelectorAll<HTMLElement>('[data-source]')].filter((part) => part.dataset.source === id)

function setTexts({ id, texts }: Texts): void {
  for (const part of partsOf(id)) {
    const marked = part.matches('[data-text]') ? [part] : []
    for (const element of [...marked, ...part.querySelectorAll<HTMLElement>('[data-text]')]) {
      const given = texts[element.dataset.text ?? '']
      if (given === undefined) continue
      const at = given.indexOf('!')
      const level = given.slice(0, at)
      element.textContent = given.slice(at + 1)
      element.className = level === 'none' ? '' : level
    }
  }
}

function row(cells: readonly string[]): HTMLTableRowElement {
  const made = document.createElement('tr')
  for (const [k, cell] of cells.entries()) {
    const element = document.createElement(k === 0 ? 'th' : 'td')
    if (k === 0) element.setAttribute('scope', 'row')
    element.textContent = cell
    made.append(element)
  }
  return made
}

/** Changes the rows of a table of a source. */
function withBody(id: string, name: string, change: (body: HTMLElement) => void): void {
  for (const part of partsOf(id)) {
    const box = [...part.querySelectorAll<HTMLElement>('[data-rows]')].find(
      (one) => one.dataset.rows === name,
    )
    const body = box?.querySelector('tbody')
    if (!box || !body) continue
    change(body)
    const none = box.querySelector('[data-none]')
    if (none !== null) none.textContent = body.children.length === 0 ? 'none' : ''
  }
}

function addRows({ id, rows }: Rows): void {
  for (const [name, some] of Object.entries(rows)) {
    withBody(id, name, (body) => {
      for (const cells of some) body.prepend(row(cells))
      while (body.children.length > MOST_ROWS) body.lastElementChild?.remove()
    })
  }
}

function setOpen({ id, rows }: Open): void {
  withBody(id, 'open', (body) => body.replaceChildren(...rows.map(row)))
}

/** Adds points to the curve of a source; true where it has too many, or is none yet. */
function extend(
  { id, curve }: { readonly id: string; readonly curve: string },
  points: readonly (readonly [number, number])[],
): boolean {
  let isFull = false
  for (const part of partsOf(id)) {
    const place = [...part.querySelectorAll<HTMLElement>('[data-chart]')].find(
      (one) => one.dataset.chart === curve,
    )
    if (place === undefined) continue
    const chart = place.querySelector<Chart>('jules-chart')
    const data = chart?.numbers
    if (!chart || data === undefined) {
      isFull = true
      continue
    }
    if (data.at.length + points.length > MOST_POINTS) isFull = true
    else {
      chart.update(longer(data, points))
      if (stilling === 0) stilling = window.setTimeout(() => void renewStill(), STILL_EVERY_MS)
    }
  }
  return isFull
}

/** Puts the drawings and the numbers as they are now behind the curves; zooms, and what is opened, stay. */
async function renewStill(): Promise<void> {
  stilling = 0
  const page = await pageNow()
  if (page === null) return
  const nextOf = (part: HTMLElement, curve: string | undefined): Element | undefined =>
    [...page.querySelectorAll<HTMLElement>('[data-source]')]
      .filter((other) => other.dataset.source === part.dataset.source)
      .flatMap((other) => [...other.querySelectorAll<HTMLElement>('[data-chart]')])
      .find((other) => other.dataset.chart === curve)
  for (const part of document.querySelectorAll<HTMLElement>('[data-source]'))
    for (const place of part.querySelectorAll<HTMLElement>('[data-chart]'))
      for (const still of ['.plot', '.numbers > :not(summary)']) {
        const [old, next] = [place, nextOf(part, place.dataset.chart)].map((one) => one?.querySelector(still))
        if (old && next) old.replaceWith(document.importNode(next, true))
      }
}

/** The page as the server has it now; null where it has gone: events say so, and ask again when it is back. */
async function pageNow(): Promise<Document | null> {
  try {
    const response = await fetch(location.href, { cache: 'no-store' })
    return response.ok ? new DOMParser().parseFromString(await response.text(), 'text/html') : null
  } catch {
    return null
  }
}

/** The same with more points of its first series: what is drawn is not changed under the drawing. */
function longer(data: ChartData, points: readonly (readonly [number, number])[]): ChartData {
  const { times } = data
  const last = data.at.at(-1) ?? -1
  // In time each point has a place of its own, the next one.
  const places = points.map(([at], k) => (times === undefined ? at : last + 1 + k))
  return {
    ...data,
    at: [...data.at, ...places],
    ...(times === undefined ? {} : { times: [...times, ...points.map(([at]) => at / 1000)] }),
    series: data.series.map((one, k) =>
      k === 0 ? { ...one, values: [...one.values, ...points.map(([, value]) => value)] } : one,
    ),
  }
}

function addPoints({ id, points }: Points): void {
  const equity = extend(
    { id, curve: 'equity' },
    points.map(([at, value]) => [at, value] as const),
  )
  const fall = extend(
    { id, curve: 'drawdown' },
    points.map(([at, , value]) => [at, value] as const),
  )
  if (equity || fall) ask()
  else compared(id)
}

function addMetrics({ id, points }: Metrics): void {
  const keys = new Set(points.map(([key]) => key))
  let isFull = false
  for (const curve of keys) {
    const own = points.filter(([key]) => key === curve).map(([, at, value]) => [at, value] as const)
    const isThere = partsOf(id).some((part) => part.querySelector('[data-chart]') !== null)
    if (isThere && extend({ id, curve }, own)) isFull = true
  }
  if (isFull) ask()
  else compared(id)
}

/** Asks for the page where it compares this source with others. */
function compared(id: string): void {
  const isShown = [...document.querySelectorAll<HTMLElement>('[data-compared]')].some((place) =>
    (place.dataset.compared ?? '').split(' ').includes(id),
  )
  if (isShown) ask(COMPARED_EVERY_MS)
}

/** Asks for the page, not more often than so. */
function ask(everyMs = ASK_EVERY_MS): void {
  if (asking !== 0) return
  asking = window.setTimeout(
    () => {
      askedMs = Date.now()
      void renew().finally(() => {
        asking = 0
      })
    },
    Math.max(0, askedMs + everyMs - Date.now()),
  )
}

/** Puts what the page is now in the place of what is shown; events that come meanwhile wait, and count where they are newer. */
async function renew(): Promise<void> {
  waiting = []
  try {
    const [now, next] = [main(), (await pageNow())?.getElementById('main')]
    if (now === null || !next) return
    const open = new Set([...now.querySelectorAll('details[open] summary')].map((one) => one.textContent))
    now.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)))
    for (const summary of now.querySelectorAll('details summary'))
      if (open.has(summary.textContent)) summary.parentElement?.setAttribute('open', '')
    shown = next.dataset.after ?? ''
  } finally {
    const events = waiting
    waiting = null
    for (const event of events) take(event)
  }
}

/** Whether the page has an event in it already. */
function isShown(id: string): boolean {
  const [boot, number] = id.split('-')
  const [own, last] = shown.split('-')
  return boot === own && Number(number) <= Number(last)
}

function take(event: Told): void {
  if (waiting !== null) {
    waiting.push(event)
    return
  }
  if (isShown(event.id)) return
  shown = event.id
  const data: unknown = JSON.parse(event.data)
  if (event.type === 'texts') setTexts(data as Texts)
  else if (event.type === 'rows') addRows(data as Rows)
  else if (event.type === 'open-orders') setOpen(data as Open)
  else if (event.type === 'points') addPoints(data as Points)
  else if (event.type === 'metrics') addMetrics(data as Metrics)
  else ask()
}

const say = (words: string): void => {
  if (link !== null && link.textContent !== words) link.textContent = words
}

/** How the connection stands; a page that lacks what went by before it came is had anew. */
function stands(state: State['state'], last: string): void {
  say(WORDS[state])
  if (last !== '' && !isShown(last)) ask()
}

/** Events by a connection that all pages of the browser have together: it has few to a server. */
function followTogether(script: string): void {
  const { port } = new SharedWorker(script, { name: 'jules dash', type: 'module' })
  port.onmessage = ({ data }: MessageEvent<State | ({ readonly kind: 'event' } & Told)>) => {
    if (data.kind === 'event') take(data)
    else stands(data.state, data.last)
  }
  const open = () => port.postMessage({ kind: 'open', after: shown })
  open()
  addEventListener('pagehide', () => port.postMessage({ kind: 'close' }))
  // Of a page that was kept, and is shown again.
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) open()
  })
}

/** Events by a connection of its own, where the browser has no other; none while nobody sees the page. */
function followAlone(): void {
  let source: EventSource | null = null
  const change = () => {
    if (document.hidden) {
      source?.close()
      source = null
    } else if (source === null) source = open()
  }
  const open = (): EventSource => {
    const own = new EventSource(`/events?after=${encodeURIComponent(shown)}`)
    for (const type of ['texts', 'rows', 'open-orders', 'points', 'metrics', 'page'])
      own.addEventListener(type, ({ lastEventId, data }: MessageEvent<string>) =>
        take({ type, id: lastEventId, data }),
      )
    own.addEventListener('open', () => stands('open', ''))
    own.addEventListener('error', () => {
      if (own.readyState !== EventSource.CLOSED) return stands('lost', '')
      stands('refused', '')
      source = null
      setTimeout(change, AGAIN_MS)
    })
    return own
  }
  document.addEventListener('visibilitychange', change)
  change()
}

if ('SharedWorker' in window) followTogether(main()?.dataset.events ?? '')
else followAlone()

export {}
