/**
 * main(argv): the list of commands meets the frame. The only place that sets `process.exitCode`. The page of all commands is
 * printed without loading one.
 */
import { EXIT, Failure } from './base/errors.js'
import { rootHelp } from './cli/help.js'
import { print, say } from './cli/print.js'
import { commands } from './commands/index.js'

/** Runs `jules ARGV` and sets the exit status of the process. */
export async function main(argv: readonly string[]): Promise<void> {
  // Whatever ends the process before the command has ended is a bug; only a command that returned may say 0.
  process.exitCode = EXIT.bug
  process.exitCode = asksForRootHelp(argv)
    ? printRootHelp()
    : await (await import('./cli/run.js')).run(argv, commands)
  // Sockets or children left open must not keep a finished command alive.
  setTimeout(() => process.exit(), 1000).unref()
}

const asksForRootHelp = (argv: readonly string[]): boolean =>
  argv.length === 1 && (argv[0] === '--help' || argv[0] === '-h' || argv[0] === 'help')

function printRootHelp(): number {
  try {
    return print(rootHelp(commands.filter(({ hidden }) => !hidden)))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    say(`jules: ${error.message}\n`)
    return error.code
  }
}
