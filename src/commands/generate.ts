import { join } from 'node:path'
import { ensureDirectory } from '../base/disk.js'
import { type Command, type CommandEntry, defineCommand } from '../cli/command.js'
import { bash, fish, zsh } from '../cli/completions.js'
import { commandPage, rootPage } from '../cli/man.js'
import { choice, option } from '../cli/options.js'
import { fileSink } from '../stream/sink.js'

/** The date on every page; moved when the pages are. */
const DATE = 'November 24, 2026'

/** Pages on formats and reasons, written by hand. A test holds them against man/. */
export const SECTION_SEVEN = ['jules-features', 'jules-metrics', 'jules-training', 'jules-vault'] as const

/** The command that prints the pages of `commands`, which it is itself one of. */
export const generateFrom = (commands: readonly CommandEntry[]) =>
  defineCommand({
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
      ensureDirectory(dir)
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
      await write('jules.1', rootPage(shown, SECTION_SEVEN, { date: DATE }))
      for (const command of declared) {
        await write(`jules-${command.name}.1`, commandPage(command, shown, { date: DATE }))
      }
    },
  })
