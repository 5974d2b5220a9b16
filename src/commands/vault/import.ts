import { badData, Failure } from '../../base/errors.js'
import { defineCommand } from '../../cli/command.js'
import { choice, flag, integer } from '../../cli/options.js'
import { decodeUtf8 } from '../../stream/json.js'
import { readWhole } from '../../stream/source.js'
import { parseDotenv, parseJsonSecrets } from '../../vault/dotenv.js'
import { FILE_LIMIT } from '../../vault/format.js'
import { readLegacy } from '../../vault/legacy.js'
import { PASSWORD_LIMIT, withoutNewline } from '../../vault/password.js'
import { terminalInput } from '../wiring/input.js'
import { askPassword, openBackend, openVault, vaultOptions } from '../wiring/secrets.js'

/** A vault of the old system holds its values in base64 twice over. */
const IMPORT_LIMIT = 4 * FILE_LIMIT

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
    const { signal } = context
    const bytes = await readWhole(path, { signal, limit: IMPORT_LIMIT })
    const words = () => {
      const text = decodeUtf8(bytes)
      if (text === null) throw badData('is not UTF-8')
      return text
    }
    const values = await named(path, async () => {
      if (options.legacy) {
        const fd = options['legacy-password-fd']
        const password =
          fd === undefined
            ? (await askPassword(context, options)).password
            : withoutNewline(await readWhole(fd, { signal, limit: PASSWORD_LIMIT }))
        return readLegacy(words(), password, signal)
      }
      const json =
        options.format === undefined
          ? /\.json$/.test(path) || /^\s*\{/.test(bytes.toString('latin1', 0, 4096))
          : options.format === 'json'
      return json ? parseJsonSecrets(words()) : parseDotenv(bytes)
    })
    if (values.size === 0) throw new Failure('noInput', `${path}: holds no secrets`)
    if (options.backend === 'file') await openVault(context, options).setAll(values)
    else for (const [name, value] of values) await openBackend(context, options).set(name, value)
    context.ui.note(`${values.size} secrets imported`, { count: values.size })
  },
})

/** What is wrong with the file is said with its name before it. */
async function named<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== 'data' || error.where !== undefined) throw error
    throw badData(error.message, { where: path, cause: error })
  }
}
