import { Failure, usage } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import type { Context } from '../../cli/context.js'
import { file, flag, integer } from '../../cli/options.js'
import { readWhole } from '../../stream/source.js'
import { FILE_LIMIT } from '../../vault/format.js'
import { withoutNewline } from '../../vault/password.js'
import { openBackend, passwordSource, prompt, vaultOptions } from '../wiring/secrets.js'
import { checkOperand, NAME } from './name.js'

export const set = defineCommand({
  name: 'set',
  summary: 'put a secret into the vault',
  description: [
    'The value comes from standard input, --file, --fd or, on a terminal, a prompt without echo; never from the command line. The vault is made on first use.',
    'One newline at the end of piped input is dropped; --raw keeps it. A file is taken as it is. Where nothing comes, as from a command that failed, nothing is set, unless --allow-empty is given.',
  ],
  operands: [NAME],
  discreet: true,
  options: {
    ...vaultOptions,
    file: file('read the value from FILE, as it is'),
    fd: integer('N', 'read the value from descriptor N', { min: 0, max: 1_000_000 }),
    raw: flag('keep the newline at the end of piped input'),
    'allow-empty': flag('take nothing for a value'),
  },
  run: async (context, options, [name = '']) => {
    checkOperand(name)
    if (options.file !== undefined && options.fd !== undefined)
      throw usage('--file and --fd exclude each other')
    const backend = openBackend(context, options)
    const { value, from } = await readValue(context, options, name)
    if (value.length === 0 && !options['allow-empty']) {
      // A password that is not there is the first thing to mend.
      if (options.backend === 'file') await passwordSource(context, options)
      throw new Failure('noInput', `no value for ${name}: ${from} gave nothing`, {
        hint: '--allow-empty sets an empty value',
      })
    }
    await backend.set(name, value)
  },
})

async function readValue(
  context: Context,
  { file: path, fd, raw }: { file: string | undefined; fd: number | undefined; raw: boolean },
  name: string,
): Promise<{ value: Buffer; from: string }> {
  const within = { signal: context.signal, limit: FILE_LIMIT }
  if (path !== undefined) return { value: await readWhole(path, within), from: path }
  const piped = (bytes: Buffer) => (raw ? bytes : withoutNewline(bytes))
  if (fd !== undefined) return { value: piped(await readWhole(fd, within)), from: `descriptor ${fd}` }
  if (!context.stdinIsTTY) return { value: piped(await readWhole('-', within)), from: 'standard input' }
  const value = await prompt(context, `Value of ${name}: `)
  const again = await prompt(context, 'Once more: ')
  if (value === null || again === null) throw usage('no value given')
  if (!value.equals(again)) throw usage('the two values differ')
  return { value, from: 'the terminal' }
}
