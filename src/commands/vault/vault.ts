import { type AnyLeaf, defineGroup } from '../../cli/command.js'
import { doctor } from './doctor.js'
import { env } from './env.js'
import { exec } from './exec.js'
import { exportSecrets } from './export.js'
import { get } from './get.js'
import { importSecrets } from './import.js'
import { listSecrets } from './list.js'
import { names } from './names.js'
import { passwd } from './passwd.js'
import { redact } from './redact.js'
import { rm } from './rm.js'
import { set } from './set.js'
import { unlockVault } from './unlock.js'

const exits = {
  65: 'the vault is damaged or of an unsupported version, or a value cannot be written in that form',
  66: 'no such secret, no vault, or nothing where a value or password was to come from',
  69: 'the helper command failed, or gave no answer in time',
  74: 'reading or writing failed; the vault is as it was',
  75: 'another process holds the lock',
  77: 'no password, an empty or a wrong one, a tampered vault, or permissions that let others in',
}

/** A command that opens the vault ends as all of them do, and in ways of its own. */
const opening = (command: AnyLeaf): AnyLeaf => ({ ...command, exits: { ...exits, ...command.exits } })

export const vault = defineGroup({
  name: 'vault',
  summary: 'keep secrets in an encrypted file',
  description: [
    'API keys and passwords in one file, ~/.trading_secrets.json: Argon2id for the password, AES-256-GCM for each secret, a mac over all of it. jules-vault(7) states the format and what it protects from.',
    'The master password comes from --password-fd, the file named by TRADING_VAULT_PASSWORD_FILE, TRADING_VAULT_PASSWORD, a line of that name in ./.env (your own, mode 0600, not in git), or the terminal.',
    'The store asks the vault for TIMESCALEDB_PASSWORD when the environment does not hold it.',
  ],
  commands: [
    ...[set, get, listSecrets, rm, exec, env, passwd, importSecrets, exportSecrets, doctor, unlockVault].map(
      opening,
    ),
    redact,
    names,
  ],
  exits,
  environment: {
    TRADING_VAULT_PASSWORD: 'the master password',
    TRADING_VAULT_PASSWORD_FILE: 'a file that holds it',
    JULES_VAULT: 'the vault file',
  },
  files: {
    '~/.trading_secrets.json': 'the vault',
    '$XDG_STATE_HOME/jules/vault-generations.json':
      'vaults and generations seen, to notice one that was replaced or put back',
  },
  examples: [
    { text: 'Put a password in', shell: 'jules vault set TIMESCALEDB_PASSWORD' },
    { text: 'Run a command with it', shell: 'jules vault exec --only TIMESCALEDB_PASSWORD -- env' },
  ],
  seeAlso: ['jules-vault.7'],
})
