import { badData, Failure } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { choice, flag, integer } from '../../cli/options.js'
import { decodeUtf8 } from '../../stream/json.js'
import { readWhole } from '../../stream/source.js'
import { parseDotenv, parseJsonSecrets } from '../../vault/dotenv.js'
import { readLegacy } from '../../vault/legacy.js'
import { withoutNewline } from '../../vault/password.js'
import { terminalInput } from '../wiring/input.js'
import { askPassword, openBackend, openVault, vaultOptions } from '../wiring/secrets.js'

export const importSecrets = defineCommand({
  name: 'import',
  discreet: true,
  summary: 'take secrets from a file into the vault',
  description: [
    'Reads a .env file or a JSON object of names and strings, or with --legacy a vault of the old system (PBKDF2 and Fernet), whose password is the master password unless --legacy-password-fd gives another. The file is left as it is.',
  ],
  operands: [{ name: 'FILE', help: 'the file, or - for standard input', required: true, completes: 'file' }],
  options: {
    ...vaultOptions,
    format: choice('FORMAT', ['dotenv', 'json'], 'format of the file', {
      short: 'f',
      defaultText: 'json for .json files and for text that begins with a brace',
    }),
    legacy: flag('the file is a vault of the old system'),
    'legacy-password-fd': integer('N', 'read the password of the old vault from descriptor N', {
      min: 0,
      max: 1_000_000,
    }),
  },
  run: async (context, options, [path = '']) => {
    if (path === '-' && context.stdinIsTTY) throw terminalInput()
    const bytes = await readWhole(path, context.signal)
    const words = decodeUtf8(bytes)
    if (words === null) throw badData('is not UTF-8', { where: path })
    let values: Map<string, Buffer>
    if (options.legacy) {
      const fd = options['legacy-password-fd']
      const password =
        fd === undefined
          ? (await askPassword(context, options)).password
          : withoutNewline(await readWhole(fd, context.signal))
      values = readLegacy(words, password)
    } else {
      const json =
        options.format === undefined
          ? /\.json$/.test(path) || /^\s*\{/.test(words)
          : options.format === 'json'
      values = json ? parseJsonSecrets(words) : parseDotenv(words)
    }
    if (values.size === 0) throw new Failure('noInput', `${path}: holds no secrets`)
    if (options.backend === 'file') await openVault(context, options).setAll(values)
    else for (const [name, value] of values) await openBackend(context, options).set(name, value)
    context.ui.note(`${values.size} secrets imported`, { count: values.size })
  },
})
