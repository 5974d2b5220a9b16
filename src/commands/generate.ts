import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Command, choice, defineCommand, option } from '../cli/command.js'
import { bash, fish, zsh } from '../cli/completions.js'
import { commandPage, rootPage } from '../cli/man.js'
import { fileSink } from '../stream/sink.js'
import { commands } from './index.js'

/** The date on every page; moved when the pages are. */
const DATE = 'November 24, 2026'

export const generate = defineCommand({
  name: 'generate',
  summary: 'write the manual pages or completions',
  description: ['Writes files from the declarations of the commands.'],
  hidden: true,
  options: {
    dir: option('DIR', 'write into DIR', { fallback: '.', completes: 'directory' }, (value) => value),
  },
  operands: [{ name: 'man|completions', help: 'what to write', required: true }],
  run: async (_context, { dir }, [what = '']) => {
    const kind = choice('KIND', ['man', 'completions'], '').parse(what)
    await mkdir(dir, { recursive: true })
    const shown = commands.filter(({ hidden }) => !hidden)
    const declared: Command[] = await Promise.all(shown.map(({ load }) => load()))
    const write = async (name: string, text: string) => {
      const sink = await fileSink(join(dir, name))
      await sink.write(Buffer.from(text))
      await sink.close()
    }
    if (kind === 'completions') {
      await write('jules.bash', bash(declared))
      await write('_jules', zsh(declared))
      await write('jules.fish', fish(declared))
      return
    }
    const sectionSeven = (await readdir(dir))
      .filter((name) => name.endsWith('.7'))
      .map((name) => name.slice(0, -2))
    await write('jules.1', rootPage(shown, sectionSeven.sort(), { date: DATE }))
    for (const command of declared) {
      await write(`jules-${command.name}.1`, commandPage(command, shown, { date: DATE }))
    }
  },
})
