/**
 * A HOME with a vault, and `jules vault` run in it. Commands take the master key from those derived before, see warm-key.js;
 * tests about the key, or about how long a command is at work, ask for a cold one.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { inject } from 'vitest'
import { derive, directory, open } from './vault-file.js'
import './warm-key.js'
import { type Result, type RunOptions, Workdir } from './workdir.js'

export const PW = { TRADING_VAULT_PASSWORD: 'pw' }
export const FILE = '.trading_secrets.json'

export const coldKey = { cold: true } as const

process.env.TEST_KEYS = inject('keys')
const WARM = {
  TEST_KEYS: inject('keys'),
  NODE_OPTIONS: `--import=${new URL('warm-key.js', import.meta.url).href}`,
}

export class Home extends Workdir {
  readonly #cold: boolean

  constructor({ cold }: { readonly cold: boolean } = { cold: false }) {
    super()
    this.#cold = cold
  }

  /** A home whose vault holds these values; no command is run for it. */
  static async holding(values: Readonly<Record<string, string | Buffer>>): Promise<Home> {
    const home = new Home()
    writeFileSync(home.file(FILE), await emptyVault(), { mode: 0o600 })
    const entries = Object.entries(values).map(
      ([name, value]) => [name, Buffer.from(value as string)] as const,
    )
    await opened(home.file(FILE)).setAll(new Map(entries))
    return home
  }

  override environment(more: Record<string, string> = {}): Record<string, string> {
    return super.environment({ ...(this.#cold ? {} : WARM), ...more })
  }

  vault(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.jules(['vault', ...args], { ...options, env: { ...PW, ...options.env } })
  }

  get bytes(): Buffer {
    return readFileSync(this.file(FILE))
  }
}

const opened = (path: string) => open(path, { password: async () => Buffer.from('pw'), derive })

let empty: Promise<Buffer> | undefined

/** Made once a file of tests, and copied. */
function emptyVault(): Promise<Buffer> {
  empty ??= (async () => {
    const path = `${directory()}/v`
    await opened(path).setAll(new Map())
    return readFileSync(path)
  })()
  return empty
}
