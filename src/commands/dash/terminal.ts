/** The live view on a terminal: on its alternate screen, drawn again when something has changed or the terminal has another size. */
import type { Context } from '../../cli/context.js'
import { inLine, showsUnicode } from '../../cli/ui.js'
import type { Dashboard } from '../../dash/dashboard.js'
import { healthOf } from '../../dash/gauges.js'
import { screenOf, shownOf, statusLine } from '../../dash/screen.js'
import { BlockWriter } from '../../stream/sink.js'
import type { Stopping } from '../wiring/stop.js'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const DRAW_EVERY_MS = 250

/** Until a signal; where standard output is no terminal, a line for each run that goes on, or the newest one. */
export async function showOnTerminal(
  context: Context,
  dashboard: Dashboard,
  { stopped, fail }: Stopping,
): Promise<void> {
  const out = new BlockWriter(context.stdout())
  if (!context.stdoutIsTTY) {
    await dashboard.look()
    const shown = shownOf(dashboard)
    const others = new Map(healthOf(dashboard).problems.map(({ source, words }) => [source, words]))
    for (const { options } of shown) others.delete(options.path)
    for (const [path, words] of others) context.ui.warn(`${path}: ${words}`)
    const lines = shown.map((source) => inLine(statusLine(dashboard, source)))
    for (const line of lines.length === 0 ? ['nothing is traded or trained'] : lines)
      await out.text(`${line}\n`)
    return out.drain()
  }
  const stdout = process.stdout
  const leave = () => {
    stdout.write(LEAVE)
  }
  // A terminal that is gone takes nothing; its signal comes, or it came.
  const gone = () => {}
  const forget = context.onForcedExit(leave)
  const unicode = showsUnicode(context.env)
  let last = ''
  const draw = () => {
    // A terminal that does not know its size says 0.
    const size = { columns: stdout.columns || 80, rows: stdout.rows || 24, unicode }
    const lines = screenOf(dashboard, size, inLine)
    // From the top left, each line with what is behind it cleared, and then all below.
    const text = `\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}\u001b[J`
    const key = `${size.columns} ${size.rows} ${text}`
    if (key === last) return
    last = key
    stdout.write(text)
  }
  const redraw = () => {
    try {
      draw()
    } catch (error) {
      fail(error)
    }
  }
  // Ctrl-Z gives the terminal back as the end does, and fg takes it again.
  const suspended = () => {
    leave()
    context.kill(context.pid, 'SIGSTOP')
  }
  const resumed = () => {
    last = ''
    stdout.write(ENTER)
    redraw()
  }
  stdout.on('error', gone)
  stdout.write(ENTER)
  stdout.on('resize', redraw)
  process.on('SIGTSTP', suspended).on('SIGCONT', resumed)
  dashboard.begin()
  redraw()
  const timer = setInterval(redraw, DRAW_EVERY_MS)
  try {
    await stopped
  } finally {
    clearInterval(timer)
    process.off('SIGTSTP', suspended).off('SIGCONT', resumed)
    stdout.off('resize', redraw)
    forget()
    leave()
  }
  context.signal.throwIfAborted()
}
