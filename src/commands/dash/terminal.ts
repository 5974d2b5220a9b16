/** The live view on a terminal: on its alternate screen, drawn again when something has changed or the terminal has another size. */
import type { Context } from '../../cli/context.js'
import { inLine, showsUnicode } from '../../cli/ui.js'
import type { Dashboard } from '../../dash/dashboard.js'
import { screenOf, shownOf, statusLine } from '../../dash/screen.js'
import { BlockWriter } from '../../stream/sink.js'

const ENTER = '\u001b[?1049h\u001b[?25l'
const LEAVE = '\u001b[?25h\u001b[?1049l'
const DRAW_EVERY_MS = 250

/** Until a signal; where standard output is no terminal, a line for each run that goes on, or the newest one. */
export async function showOnTerminal(
  context: Context,
  dashboard: Dashboard,
  stopped: Promise<void>,
): Promise<void> {
  const out = new BlockWriter(context.stdout())
  if (!context.stdoutIsTTY) {
    await dashboard.look()
    const shown = shownOf(dashboard)
    const lines = shown.map((source) => inLine(statusLine(dashboard, source)))
    for (const line of lines.length === 0 ? ['nothing is traded or trained'] : lines)
      await out.text(`${line}\n`)
    return out.drain()
  }
  const stdout = process.stdout
  const leave = () => {
    stdout.write(LEAVE)
  }
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
  stdout.write(ENTER)
  const resized = () => draw()
  stdout.on('resize', resized)
  dashboard.begin()
  draw()
  const timer = setInterval(draw, DRAW_EVERY_MS)
  try {
    await stopped
  } finally {
    clearInterval(timer)
    stdout.off('resize', resized)
    forget()
    leave()
  }
  context.signal.throwIfAborted()
}
