/**
 * What jules says to people: standard error, one line a message, as words or as JSON lines. Standard output is never
 * touched here. Text from outside passes `plain`, so that data cannot drive the terminal.
 */
import type { ChalkInstance } from 'chalk'

export type ColorWhen = 'auto' | 'always' | 'never'

interface Stream {
  readonly isTTY: boolean
  /** Width of the terminal now. */
  readonly columns?: () => number
  write(text: string): void
}

export interface UiOptions {
  readonly stderr: Stream
  readonly command: string
  readonly quiet: boolean
  readonly verbose: boolean
  readonly json: boolean
  readonly paint: Paint
  /** Continuous integration: progress comes as occasional lines. */
  readonly ci: boolean
  readonly now: () => number
}

interface Progress {
  /** `done` of `total` (if known) in `unit`, and what else to say. Cheap: draws at most ten times a second on a terminal. */
  update(done: number, total?: number, more?: string): void
  end(): void
}

export interface Ui {
  /** Something done or worth knowing; silent under --quiet. */
  note(message: string, fields?: Record<string, unknown>): void
  /** Something the user should look at; said even under --quiet. */
  warn(message: string, fields?: Record<string, unknown>): void
  /** Only under --verbose. */
  detail(message: string): void
  progress(unit: string): Progress
}

/**
 * Whether to colour one stream: --color, then NO_COLOR (no-color.org), FORCE_COLOR, TERM=dumb, and being a terminal.
 * Chalk knows nothing of NO_COLOR, so the level is decided here.
 */
export function wantsColor(
  when: ColorWhen,
  isTTY: boolean,
  env: (name: string) => string | undefined,
): boolean {
  if (when !== 'auto') return when === 'always'
  if (env('NO_COLOR')) return false
  const force = env('FORCE_COLOR')
  if (force !== undefined && force !== '') return force !== '0' && force !== 'false'
  return isTTY && env('TERM') !== 'dumb'
}

/** Whether the reader's locale is one of UTF-8 (POSIX: LC_ALL, then LC_CTYPE, then LANG). */
export const showsUnicode = (env: (name: string) => string | undefined): boolean =>
  /utf-?8/i.test(env('LC_ALL') || env('LC_CTYPE') || env('LANG') || '')

/** The colours in use; each takes a text. */
export type Paint = {
  readonly [name in 'red' | 'green' | 'yellow' | 'bold' | 'dim']: (text: string) => string
}

const same = (text: string): string => text
const colorless: Paint = { red: same, green: same, yellow: same, bold: same, dim: same }

/**
 * Chalk is loaded only when there is something to colour: its import of `node:process` opens standard input, which makes a
 * pipe shared with other programs non-blocking under their feet.
 */
export async function painter(color: boolean): Promise<Paint> {
  if (!color) return colorless
  const { Chalk } = await import('chalk')
  const chalk: ChalkInstance = new Chalk({ level: 1 })
  return chalk
}

/** Makes control characters visible: C0 except newline and tab, DEL, C1 and the bidirectional overrides. */
export function plain(message: string): string {
  return message.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** A text from outside as a line or a part of one: the name of a file may hold anything. */
export const inLine = (text: string): string =>
  plain(text.replace(/[\n\t]/g, (c) => (c === '\n' ? '\\n' : '\\t')))

const LINE_EVERY_MS = 10_000
const DRAW_EVERY_MS = 100

/** What a command says to a person, on standard error. */
export function createUi(options: UiOptions): Ui {
  const { stderr, command, now, paint } = options
  let drawn = false
  const clear = () => {
    if (drawn) stderr.write('\r\u001b[K')
    drawn = false
  }
  const say = (type: string, message: string, fields: Record<string, unknown> = {}) => {
    clear()
    // The visible form of a control character is its escape in JSON too.
    if (options.json) stderr.write(`${plain(JSON.stringify({ type, command, message, ...fields }))}\n`)
    else {
      const label = type === 'warning' ? `${paint.yellow('warning:')} ` : ''
      stderr.write(`jules ${command}: ${label}${inLine(message)}\n`)
    }
  }
  return {
    note: (message, fields) => {
      if (!options.quiet) say('note', message, fields)
    },
    warn: (message, fields) => say('warning', message, fields),
    detail: (message) => {
      if (options.verbose) say('detail', message)
    },
    progress: (unit) => {
      const live = stderr.isTTY && !options.quiet && !options.json && !options.ci
      const started = now()
      let last = started
      return {
        update: (done, total, more) => {
          const time = now()
          if (options.quiet || time - last < (live ? DRAW_EVERY_MS : LINE_EVERY_MS)) return
          last = time
          const rate = (done / Math.max(1, time - started)) * 1000
          const words = progressWords(unit, done, total, rate) + (more === undefined ? '' : `, ${more}`)
          if (!live) {
            say('progress', words, { done, total: total ?? null })
            return
          }
          clear()
          // A line that is too long would wrap, and only its last part could be taken back.
          const width = Math.max(1, (stderr.columns?.() ?? 80) - 1)
          const label = `jules ${command}: `
          const bar = progressBar(done, total, width - label.length - words.length)
          stderr.write(`${label}${bar}${words}`.slice(0, width))
          drawn = true
        },
        end: clear,
      }
    },
  }
}

const WIDEST_BAR = 20
/** A narrower one tells nothing. */
const NARROWEST_BAR = 5

/** A bar with its brackets and a blank in the room that the words leave, if that is enough. */
function progressBar(done: number, total: number | undefined, room: number): string {
  const width = Math.min(WIDEST_BAR, room - '[] '.length)
  if (total === undefined || total <= 0 || width < NARROWEST_BAR) return ''
  const filled = Math.round(width * Math.min(1, done / total))
  return `[${'#'.repeat(filled)}${' '.repeat(width - filled)}] `
}

function progressWords(unit: string, done: number, total: number | undefined, rate: number): string {
  const of = total === undefined ? '' : `/${total}`
  const eta = total === undefined || rate <= 0 ? '' : `, ${Math.ceil((total - done) / rate)} s left`
  // Of what takes longer than a second each, the time of one.
  const pace = rate >= 1 || done === 0 ? `${Math.round(rate)}/s` : `${Math.round(1 / rate)} s each`
  return `${done}${of} ${unit}, ${pace}${eta}`
}
